"""Keys in clear, held in memory for a while: unwrapping one and looking it up costs more than using it."""

from collections import OrderedDict
from dataclasses import dataclass


@dataclass(slots=True, frozen=True, repr=False)
class DataKey:
    """A key in clear. ``id`` is random, names it in what it sealed, and is never used again."""

    id: bytes
    secret: bytes


class KeyCache:
    """Keys in clear, those used last, bounded by their number; one for all shards of a worker."""

    def __init__(self, *, capacity: int) -> None:
        """Hold at most so many."""
        self._capacity = max(1, capacity)
        self._keys: OrderedDict[tuple[int, bytes], DataKey] = OrderedDict()

    def __len__(self) -> int:
        return len(self._keys)

    def get(self, shard: int, tag: bytes) -> DataKey | None:
        """The key when it is held, and it becomes the newest."""
        key = self._keys.get((shard, tag))
        if key is not None:
            self._keys.move_to_end((shard, tag))
        return key

    def put(self, shard: int, tag: bytes, key: DataKey) -> None:
        """Hold a key; the one not used for longest goes when there are too many."""
        self._keys[shard, tag] = key
        if len(self._keys) > self._capacity:
            self._keys.popitem(last=False)

    def drop(self, shard: int, tag: bytes) -> None:
        """Forget one."""
        self._keys.pop((shard, tag), None)

    def drop_shard(self, shard: int) -> None:
        """Forget every key of a shard that is given up: who has it next may destroy some."""
        for held in [held for held in self._keys if held[0] == shard]:
            del self._keys[held]
