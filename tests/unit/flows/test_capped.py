"""Caps over several workers: never more a day than the bank allows, whatever dies in between."""

import tomllib
from collections import Counter
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.intake import shard_decode
from flows.partition import shard_of
from flows.records import Record
from flows.settings import DEFAULTS, Limits, settings_of
from flows.shard import Shard
from flows.zones import Zones
from operators.contracts import World
from operators.decide import decide
from operators.leases import FOR_GOOD, share
from schemas import topics
from schemas.base import DAY_MS
from schemas.decisions import SILENCE
from schemas.errors import ConfigError
from state.identity import Identity
from state.memory import MemoryStore
from state.outbox import OutboxEntry
from state.rocks import RocksStore
from state.rocks_engine import RocksEngine
from state.store import CustomerCache
from tests.streams import START_MS, log_of, morning, small_world

SHARDS = 3
PEOPLE = [f"c-{n}" for n in range(18)]
WORLD = small_world()
TODAY = START_MS // DAY_MS
IDENTITY = Identity(topic_prefix="", shard_count=SHARDS, seed="a")


def logs() -> list[list[Record]]:
    """The customers' log, a partition a shard."""
    return [
        log_of(
            [one for c in PEOPLE if shard_of(c, shards=SHARDS) == number for one in morning(c)],
            partition=number,
        )
        for number in range(SHARDS)
    ]


def worker(store: MemoryStore) -> Shard:
    """A worker on a shard; what it knows of its leases is what lies in the store."""
    return Shard(store, decode=shard_decode(Limits(), Zones(())), decide=decide, shards=SHARDS)


def decided(entries: list[OutboxEntry]) -> list[dict[str, object]]:
    """The decisions among outputs."""
    return [orjson.loads(e.value) for e in entries if e.topic == topics.DECISIONS and e.value]


def said(entries: list[OutboxEntry]) -> Counter[str]:
    """What was said, by item."""
    return Counter(str(d["chosen"]) for d in decided(entries) if d["chosen"] != SILENCE)


def live(world: World) -> list[OutboxEntry]:
    """All shards to their ends, without an accident."""
    made: list[OutboxEntry] = []
    for number, records in enumerate(logs()):
        made += worker(MemoryStore(number)).process(records, world=world)
    return made


USUAL, DEMAND = said(live(WORLD)).most_common(1)[0]


@settings(deadline=None, max_examples=40)
@given(
    limit=st.sampled_from(["caps", "budgets"]),
    cap=st.integers(0, 2 * len(PEOPLE)),
    cuts=st.lists(st.sets(st.integers(1, 60), max_size=4), min_size=SHARDS, max_size=SHARDS),
)
def test_workers_that_die_never_say_more_than_the_cap(
    limit: str, cap: int, cuts: list[set[int]]
) -> None:
    """Each shard says its part and no more, though its worker is replaced and reads the log again from the start."""
    world = replace(WORLD, **{limit: {USUAL: cap}})  # type: ignore[arg-type]  # either is a mapping
    day = TODAY if limit == "caps" else FOR_GOOD
    total = 0
    for number, records in enumerate(logs()):
        store, made = MemoryStore(number), list[OutboxEntry]()
        for end in [*sorted(cuts[number]), len(records)]:
            made += worker(store).process(records[:end], world=world)
        count = said(made)[USUAL]
        assert count <= share(cap, item=USUAL, day=day, shard=number, shards=SHARDS)
        total += count
    assert total <= cap


def test_the_cap_is_used() -> None:
    """With a cap that everybody fits under nothing changes; with a small one each shard says all that it may."""
    wide = replace(WORLD, caps={USUAL: SHARDS * len(PEOPLE)})
    assert said(live(wide)) == said(live(WORLD))
    assert DEMAND > SHARDS
    assert said(live(replace(WORLD, caps={USUAL: SHARDS})))[USUAL] == SHARDS


def _later(body: bytes, *, days: int) -> bytes:
    """An event so many days later."""
    event = orjson.loads(body)
    at = datetime.fromisoformat(event["at"]) + timedelta(days=days)
    return orjson.dumps(event | {"at": at.isoformat()})


def test_a_budget_is_of_all_days() -> None:
    """The next day has a lease of its own under a cap, and none under a budget; a larger budget goes on from there."""
    mine = [c for c in PEOPLE if shard_of(c, shards=SHARDS) == 0]
    first = log_of([one for c in mine[::2] for one in morning(c)])
    second = log_of([_later(one, days=1) for c in mine[1::2] for one in morning(c)], first=1_000)
    counts: dict[str, list[int]] = {}
    for limit, numbers in (("caps", (3, 3)), ("budgets", (3, 3)), ("larger", (3, 6))):
        store = MemoryStore(0)
        counts[limit] = []
        for records, number in zip((first, second), numbers, strict=True):
            kind = "caps" if limit == "caps" else "budgets"
            world = replace(WORLD, **{kind: {USUAL: number}})  # type: ignore[arg-type]  # as above
            counts[limit].append(said(worker(store).process(records, world=world))[USUAL])
    assert counts == {"caps": [1, 1], "budgets": [1, 0], "larger": [1, 1]}


def test_who_does_not_get_it_is_told_why() -> None:
    """The decision names the rule, and the propensities are those of what was left."""
    decisions = decided(live(replace(WORLD, caps={USUAL: 0})))
    rules = {
        c.get("reject_rule", "")
        for d in decisions
        for c in d["candidates"]  # type: ignore[attr-defined]  # as written
        if c["action"] == USUAL
    }
    assert "budget.used_up" in rules
    assert not said(live(replace(WORLD, caps={USUAL: 0})))[USUAL]


def test_a_lease_survives_with_the_state(tmp_path: Path) -> None:
    """What was said lies in the shard's directory: whoever opens it next goes on from there."""

    def opened() -> RocksStore:
        return RocksStore(
            tmp_path / "0", shard=0, engine=RocksEngine(), cache=CustomerCache(), identity=IDENTITY
        )

    world = replace(WORLD, caps={USUAL: SHARDS})
    (records, *_), counts = logs(), []
    for end in (len(records) // 2, len(records)):
        shard = Shard(
            opened(), decode=shard_decode(Limits(), Zones(())), decide=decide, shards=SHARDS
        )
        counts.append(said(shard.process(records[:end], world=world))[USUAL])
        shard.close()
    assert counts == [1, 0]


def test_a_cap_is_a_whole_number() -> None:
    """A setting that can't be enforced is refused at the start."""
    for limit in ("caps", "budgets"):
        for wrong in (-1, 2.5, 1 << 24):
            content = tomllib.loads(DEFAULTS.read_text())
            content["decide"][limit] = {"visit": wrong}
            with pytest.raises(ConfigError, match=rf"decide\.{limit}\.visit"):
                settings_of(content)
