"""How far a shard's log was read, and what lies beyond that was taken already."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Self

from state import keys
from state.store import ShardBatch, TopicPartition


@dataclass(slots=True)
class Places:
    """What a store answers of places on the log, after its last commit; see `state.store.ShardStore`."""

    positions: dict[TopicPartition, int] = field(default_factory=dict)
    sources: dict[TopicPartition, tuple[int, int]] = field(default_factory=dict)
    ahead: dict[TopicPartition, frozenset[int]] = field(default_factory=dict)

    @classmethod
    def read(cls, scan: Callable[[bytes], Iterator[tuple[bytes, bytes]]]) -> Self:
        """Those of an ordered key-value store; ``scan`` gives the rows that begin with a prefix."""
        spot = keys.topic_partition
        return cls(
            {spot(key): keys.unpack_offset(value) for key, value in scan(keys.POSITIONS)},
            {
                spot(key): keys.unpack_source_position(value)
                for key, value in scan(keys.SOURCE_POSITIONS)
            },
            {spot(key): frozenset(keys.unpack_offsets(value)) for key, value in scan(keys.AHEAD)},
        )

    def note(self, batch: ShardBatch) -> None:
        """A batch was committed."""
        self.positions.update(batch.positions)
        self.sources.update(batch.source_positions)
        for spot, offsets in batch.ahead.items():
            if offsets:
                self.ahead[spot] = offsets
            else:
                self.ahead.pop(spot, None)

    def copy(self) -> "Places":
        """The same places, to be changed apart."""
        return Places(dict(self.positions), dict(self.sources), dict(self.ahead))
