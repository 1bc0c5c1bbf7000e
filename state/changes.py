"""What a batch changes in an ordered key-value store: keys put, keys deleted, timers that come and go."""

from collections.abc import Callable
from dataclasses import dataclass, field

from schemas.customer import Customer
from state import keys
from state.rows import Rows
from state.store import ShardBatch
from state.timers import Timer, changed_timers

SEQUENCE_KEY = keys.meta_key("sequence")


@dataclass(slots=True)
class Changes:
    """A batch as keys and values, and what the store should remember once they are written.

    ``sizes`` is customer → bytes of the record; ``erased`` holds the keys
    of the records of who was erased.
    """

    puts: list[tuple[bytes, bytes]] = field(default_factory=list)
    deletes: list[bytes] = field(default_factory=list)
    timers_gone: set[Timer] = field(default_factory=set)
    timers_new: set[Timer] = field(default_factory=set)
    sizes: dict[str, int] = field(default_factory=dict)
    erased: list[bytes] = field(default_factory=list)
    next_sequence: int = 0


def changes_of(
    batch: ShardBatch,
    *,
    rows: Rows,
    before: Callable[[str], Customer | None],
    next_sequence: int,
) -> Changes:
    """The keys and values of a batch; ``before`` gives the record that one takes the place of."""
    changes = Changes(next_sequence=next_sequence)
    rows.prepare(batch)
    for customer, record in batch.customers.items():
        gone, new = changed_timers(before(customer), record)
        changes.timers_gone |= gone
        changes.timers_new |= new
        key = rows.customer_key(customer)
        if record is None:
            changes.deletes.append(key)
        else:
            value = rows.record(record)
            changes.puts.append((key, value))
            changes.sizes[customer] = len(value)
    changes.deletes += map(rows.timer_key, changes.timers_gone)
    changes.puts += map(rows.timer, changes.timers_new)
    changes.erased = [rows.customer_key(customer) for customer in sorted(batch.erased)]
    changes.puts += ((keys.erased_key(key), b"") for key in changes.erased)
    for (topic, partition), offset in batch.positions.items():
        changes.puts.append((keys.position_key(topic, partition), keys.pack_offset(offset)))
    for (topic, partition), (offset, index) in batch.source_positions.items():
        key = keys.source_position_key(topic, partition)
        changes.puts.append((key, keys.pack_source_position(offset, index)))
    for (topic, partition), offsets in batch.ahead.items():
        key = keys.ahead_key(topic, partition)
        if offsets:
            changes.puts.append((key, keys.pack_offsets(offsets)))
        else:
            changes.deletes.append(key)
    _add_outbox(changes, batch, rows)
    return changes


def _add_outbox(changes: Changes, batch: ShardBatch, rows: Rows) -> None:
    changes.puts += map(rows.entry, batch.outbox)
    if batch.outbox:
        last = max(entry.sequence for entry in batch.outbox)
        changes.next_sequence = max(changes.next_sequence, last + 1)
        changes.puts.append((SEQUENCE_KEY, keys.pack_offset(changes.next_sequence)))
    changes.deletes += (keys.outbox_key(sequence) for sequence in batch.delivered)
