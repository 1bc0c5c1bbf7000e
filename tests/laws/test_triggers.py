"""Laws of every trigger: it reads what it declares, says what it declares, and names its sources."""

import copy
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.contracts import Moment, Trigger
from operators.features import FEATURES, SPECS
from operators.forecasting import FORECASTERS
from operators.triggers import TRIGGERS, wakes
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import KINDS, EventBase, MessageRead
from schemas.signals import Signal
from tests.accounts import START, folded, happened, household, moment_of, monthly, moved
from tests.strategies import lives

SOURCE_OF: dict[str, Source] = {
    **{f"slot:{group.slot.name}": group.slot.source for group in FEATURES},
    **{f"feature:{spec.name}": spec.source for spec in SPECS},
    **{f"forecast:{f.name}": Source.TRANSACTIONS for f in FORECASTERS},
}
INFERRED_NEVER = frozenset({"life.baby", "life.bereavement", "life.job_loss", "life.marriage"})
every_trigger = pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda trigger: trigger.name)


class Watched(Mapping[str, Any]):
    """A mapping that remembers what was looked at, under a prefix."""

    def __init__(self, prefix: str, values: Mapping[str, Any], seen: set[str]) -> None:
        self._prefix, self._values, self._seen = prefix, values, seen

    def __getitem__(self, name: str) -> Any:
        self._seen.add(self._prefix + name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        self._seen.add(self._prefix + "*")
        return iter(self._values)

    def __len__(self) -> int:
        self._seen.add(self._prefix + "*")
        return len(self._values)


def watched(moment: Moment, seen: set[str]) -> Moment:
    return Moment(
        event=moment.event,
        now_ms=moment.now_ms,
        memories=Watched("slot:", moment.memories, seen),
        features=Watched("feature:", moment.features, seen),
        forecasts=Watched("forecast:", moment.forecasts, seen),
        rules=moment.rules,
    )


def without(moment: Moment, sources: set[Source]) -> Moment:
    """The moment had these sources never been known."""

    def kept(prefix: str, values: Mapping[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in values.items() if SOURCE_OF[prefix + k] not in sources}

    return Moment(
        event=moment.event,
        now_ms=moment.now_ms,
        memories=kept("slot:", moment.memories),
        features=kept("feature:", moment.features),
        forecasts=kept("forecast:", moment.forecasts),
        rules=moment.rules,
    )


@st.composite
def eventful(draw: st.DrawFn) -> list[EventBase]:
    """A household to which things happen, from every source."""
    months = draw(st.integers(3, 8))
    events = household(months)
    if draw(st.booleans()):
        cut_ms = events[len(events) * 2 // 3].at_ms
        party = draw(st.sampled_from(["employer-1", "landlord-1"]))
        events = [e for e in events if getattr(e, "counterparty", "") != party or e.at_ms < cut_ms]
    day = st.integers(20, months * 30)
    odd = st.one_of(
        st.builds(
            lambda d, amount, mcc, country: moved(
                d, amount, method="card", mcc=mcc, country=country, index=1
            ),
            day,
            st.integers(-500_000, -100),
            st.sampled_from(["3005", "7011", "5712", "5411", "6513"]),
            st.sampled_from(["GB", "PT", None]),
        ),
        st.builds(lambda d, a: moved(d, a, method="fee", index=2), day, st.integers(-2_000, -500)),
        st.builds(
            lambda d, a: moved(d, a, counterparty="aunt-1", index=3), day, st.integers(1, 10**7)
        ),
        st.builds(lambda d: happened("app.rage_tapped", d, screen="home"), day),
        st.builds(lambda d: happened("app.opened", d), day),
        st.builds(lambda d: happened("clock.ticked", d, timer="salary"), day),
        st.builds(
            lambda d, b: happened(
                "openbanking.balance",
                d,
                account="x-1",
                institution="bank-b",
                account_type="savings",
                balance_minor=b,
                currency="EUR",
            ),
            day,
            st.integers(0, 10**7),
        ),
        st.builds(
            lambda d: happened("location.zone_entered", d, zone="airport:LHR", zone_kind="airport"),
            day,
        ),
        st.builds(lambda d: happened("life.declared", d, event="baby"), day),
        st.builds(
            lambda d, s: MessageRead(
                event_id=f"r-{d}",
                customer="c-1",
                at=happened("app.opened", d).at,
                channel="chat",
                intent="save_money",
                intent_probability=0.8,
                sentiment=s,
            ),
            day,
            st.floats(-1, 1),
        ),
    )
    events += draw(st.lists(odd, max_size=12))
    if draw(st.booleans()):
        events += monthly(
            270_000,
            day_of_month=20,
            months=range(months - 1, months + 2),
            counterparty="employer-2",
        )
    return sorted(events, key=lambda event: event.at_ms)


def check(trigger: Trigger, memory: Memory, moment: Moment) -> tuple[Memory, list[Signal]]:
    """Sense once under every law; returns what it returned."""
    before = copy.deepcopy(memory)
    seen: set[str] = set()
    after, signals = trigger.sense(memory, watched(moment, seen))
    assert memory == before
    assert seen <= set(trigger.needs), seen - set(trigger.needs)
    assert trigger.sense(memory, moment) == (after, signals)
    assert orjson.loads(orjson.dumps(after)) == after
    for signal in signals:
        conforms(signal, trigger, moment)
        blind = without(moment, set(Source) - set(signal.sources))
        assert signal in trigger.sense(memory, blind)[1], "a signal rests on an unnamed source"
    return after, list(signals)


def conforms(signal: Signal, trigger: Trigger, moment: Moment) -> None:
    assert signal.name in trigger.emits
    assert 0 <= signal.strength <= 1
    assert signal.hold_ms > 0
    known = {SOURCE_OF[need] for need in trigger.needs} | {moment.event.source}
    assert signal.sources
    assert set(signal.sources) <= known - {Source.CONTROL}
    assert signal.words[0].isupper()
    assert signal.words[-1] in ".?"
    assert len(signal.words) <= 160
    assert orjson.loads(orjson.dumps(signal.evidence)) == signal.evidence
    if signal.name in INFERRED_NEVER:
        assert signal.sources == (Source.LIFE_EVENTS,)


def test_declarations_are_sound() -> None:
    """Names, slots and signals are unique where they must be, and all that is needed exists."""
    assert len({t.name for t in TRIGGERS}) == len(TRIGGERS)
    slots = [t.slot.name for t in TRIGGERS if t.slot is not None]
    assert len(set(slots)) == len(slots)
    assert not set(slots) & {group.slot.name for group in FEATURES}
    for trigger in TRIGGERS:
        assert set(trigger.needs) <= set(SOURCE_OF)
        assert trigger.kinds <= set(KINDS) | {"message.read"}
        assert trigger.emits
        assert len(set(trigger.emits)) == len(trigger.emits)


@settings(max_examples=25, deadline=None)
@given(events=eventful())
def test_triggers_read_and_say_what_they_declare(events: list[EventBase]) -> None:
    """On every event of an eventful life, every trigger keeps every law."""
    memories: dict[str, Memory] = {}
    own = {t.name: t.slot.zero() if t.slot is not None else None for t in TRIGGERS}
    for event in events:
        memories = folded([event], memories)
        moment = moment_of(event, memories)
        for trigger in TRIGGERS:
            if event.kind in trigger.kinds:
                own[trigger.name], _ = check(trigger, own[trigger.name], moment)


@every_trigger
@settings(max_examples=15, deadline=None)
@given(events=lives(control=False, max_size=30))
def test_triggers_take_any_life(trigger: Trigger, events: list[EventBase]) -> None:
    """No life, however odd, makes a trigger fail or its memory grow without end."""
    memories: dict[str, Memory] = {}
    own = trigger.slot.zero() if trigger.slot is not None else None
    for event in events:
        memories = folded([event], memories)
        if event.kind in trigger.kinds:
            own, _ = check(trigger, own, moment_of(event, memories))
    assert len(orjson.dumps(own)) < 4_096


@every_trigger
def test_nothing_known_is_nothing_said(trigger: Trigger) -> None:
    """Where consent took every memory away, a tick or a visit says nothing and doesn't fail."""
    for kind in trigger.kinds & {"clock.ticked", "app.opened"}:
        fields = {"timer": "salary"} if kind == "clock.ticked" else {}
        event = happened(kind, 1, **fields)
        moment = Moment(event=event, now_ms=event.at_ms, memories={}, features={}, forecasts={})
        memory = trigger.slot.zero() if trigger.slot is not None else None
        assert trigger.sense(memory, moment) == (memory, ())


@settings(max_examples=20, deadline=None)
@given(events=eventful(), wait_days=st.integers(0, 60))
def test_wakes_are_few_and_ahead(events: list[EventBase], wait_days: int) -> None:
    """Every timer lies in the future, within a quarter, and there are only a few."""
    memories = folded(events)
    now_ms = events[-1].at_ms + wait_days * DAY_MS
    made = wakes(memories, now_ms)
    assert made == wakes(memories, now_ms)
    assert len(made) <= 4
    assert all(now_ms < due_ms <= now_ms + 92 * DAY_MS for due_ms in made.values())
    assert wakes({}, now_ms) == {}
    assert now_ms > START.timestamp()
