"""The in-memory twin: what it refuses that the disk would change unseen."""

from typing import Any

import pytest

from schemas.customer import Customer
from state.memory import MemoryStore
from state.store import ShardBatch


@pytest.mark.parametrize("memory", [float("nan"), (1, 2), {"a": {(1, 2)}}])
def test_memory_that_changes_on_disk_is_refused(memory: Any) -> None:
    """A slot that would not come back equal is found when it is written, not when it is missed."""
    store = MemoryStore(0)
    with pytest.raises(ValueError, match="does not come back equal"):
        store.commit(ShardBatch(customers={"c-1": Customer("c-1", slots={"x": memory})}))
    assert store.customer("c-1") is None


def test_nothing_is_shared() -> None:
    """Changing a record after a commit, or one that was read, changes nothing that is kept."""
    store = MemoryStore(0)
    record = Customer("c-1", slots={"x": [1]}, timers={"t": 5})
    store.commit(ShardBatch(customers={"c-1": record}))
    record.slots["x"].append(2)
    read = store.customer("c-1")
    assert read is not None
    read.timers.clear()
    assert store.customer("c-1") == Customer("c-1", slots={"x": [1]}, timers={"t": 5})
    assert store.next_due_ms() == 5
