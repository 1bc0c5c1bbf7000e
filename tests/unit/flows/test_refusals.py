from flows.intake import shard_decode
from flows.records import Parcel, Record
from flows.refusals import Refusals
from flows.settings import Limits
from flows.shard import Shard
from flows.zones import Zones
from operators.decide import decide
from schemas import topics
from schemas.errors import InputError
from state.memory import MemoryStore

ERROR = InputError("input.malformed", "the verdict is not JSON")
SPOT = (topics.VERDICTS, 0)


def bad(offset: int) -> Record:
    """A control record that can't be used."""
    return Record(topics.VERDICTS, 0, offset, b"item-1", b"nonsense", (), 0)


def shard_of(store: MemoryStore) -> Shard:
    return Shard(store, decode=shard_decode(Limits(), Zones(())), decide=decide, shards=1)


def test_a_letter_is_written_once_however_deliveries_come() -> None:
    """A later letter that is delivered first does not let an earlier one be forgotten by a crash."""
    store, sent = MemoryStore(0), list[Parcel]()
    shard = shard_of(store)
    refusals = Refusals(shard, send=sent.append)
    for offset in (3, 7, 9):
        refusals.hear(bad(offset), ERROR)
    assert [parcel.topic for parcel in sent] == [topics.DEAD_LETTERS] * 3
    sent[1].delivered(topics.DEAD_LETTERS, 0, 0)
    shard.settle()
    assert store.positions()[SPOT] == 3
    sent[0].delivered(topics.DEAD_LETTERS, 1, 0)
    shard.settle()
    assert store.positions()[SPOT] == 9

    again = list[Parcel]()
    crashed = shard_of(store.reopened())
    refusals = Refusals(crashed, send=again.append)
    for offset in (3, 7, 9, 12):
        refusals.hear(bad(offset), ERROR)
    assert [dict(parcel.headers)["ce_id"] for parcel in again] == [
        b"verdicts:0:9:0/control",
        b"verdicts:0:12:0/control",
    ]
    for parcel in again:
        parcel.delivered(topics.DEAD_LETTERS, 0, 0)
    crashed.settle()
    assert crashed.store.positions()[SPOT] == 13


def test_a_letter_that_the_log_holds_already_is_not_written_again() -> None:
    """What was sent before a crash, and not noted, is found at the end of the topic."""
    sent = list[Parcel]()
    store = MemoryStore(0)
    shard = Shard(
        store,
        decode=shard_decode(Limits(), Zones(())),
        decide=decide,
        shards=1,
        sent={"verdicts:0:3:0/control": 0},
    )
    Refusals(shard, send=sent.append).hear(bad(3), ERROR)
    shard.settle()
    assert sent == []
    assert store.positions()[SPOT] == 4


def test_other_workers_leave_it_to_the_one_with_shard_0() -> None:
    """All read control topics; one writes."""
    sent = list[Parcel]()
    Refusals(None, send=sent.append).hear(bad(3), ERROR)
    assert sent == []
