"""Dead letters of control records: every worker reads those topics whole, and one letter is enough.

The worker with shard 0 writes them. That shard's positions say up to where they are written; control topics are
read from their beginning at each start, and what lies before was put aside by an earlier run.
"""

from collections.abc import Callable

from flows import outputs
from flows.dead_letters import letter
from flows.records import Parcel, Record, Spot
from flows.shard import Shard
from schemas import topics
from schemas.errors import InputError


class Refusals:
    """Puts control records aside that can't be used."""

    def __init__(self, shard: Shard | None, *, send: Callable[[Parcel], None]) -> None:
        """Write for ``shard``, which is shard 0 or, in any other worker, None; ``send`` hands a letter over."""
        self._shard = shard
        self._send = send
        self._waiting: dict[Spot, set[int]] = {}
        self._heard: dict[Spot, int] = {}

    def hear(self, record: Record, error: InputError) -> None:
        """One record that can't be used; called in the order of the log."""
        shard, spot = self._shard, (record.topic, record.partition)
        if shard is None or record.offset < shard.positions.get(spot, 0):
            return
        self._heard[spot] = record.offset
        self._waiting.setdefault(spot, set()).add(record.offset)
        head_id = f"{record.place}:0/control"
        if shard.sent.take(head_id) is not None:
            self._written(shard, spot, record.offset)
            return
        value, headers = letter(record, error, stage="control")
        own = ((outputs.ID, head_id.encode()), (outputs.SOURCE, outputs.source_of(0)))
        kept = (pair for pair in headers if pair[0] not in {outputs.ID, outputs.SOURCE})

        def delivered(role: str, partition: int, offset: int) -> None:
            # Letters lie on several partitions, so their deliveries come in any order.
            del role, partition, offset
            self._written(shard, spot, record.offset)

        self._send(Parcel(topics.DEAD_LETTERS, record.key, value, (*kept, *own), delivered))

    def _written(self, shard: Shard, spot: Spot, offset: int) -> None:
        waiting = self._waiting[spot]
        waiting.discard(offset)
        shard.mark({spot: min(waiting, default=self._heard[spot] + 1)})
