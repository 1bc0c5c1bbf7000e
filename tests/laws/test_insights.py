"""Laws of insights: under consent, within their ration, from what they declare, and months equal to plain sums."""

import random
from collections import defaultdict
from datetime import UTC, datetime, timedelta

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators import consent, observe, sense
from operators.contracts import Trigger
from operators.decide import decide
from operators.features.money import flow_of
from operators.insights import INSIGHTS, cap
from operators.insights.months import MONTHS, folded
from operators.triggers import TRIGGERS
from schemas.base import DAY_MS, Purpose
from schemas.customer import Customer, Memory
from schemas.events import EventBase, TransactionBooked
from tests.accounts import START, moved
from tests.laws.test_triggers import Watched, eventful
from tests.moments import grant_all
from tests.strategies import lives
from tests.streams import small_world

WORLD = small_world()
every_insight = pytest.mark.parametrize("insight", INSIGHTS, ids=lambda insight: insight.name)


@settings(max_examples=30)
@given(lives(consented=True))
def test_an_insight_rests_on_consent_to_wellbeing(life: list[EventBase]) -> None:
    """Every source behind a published insight may be used for it at that moment; it can be written as JSON."""
    me = Customer("c-1")
    for index, event in enumerate(life):
        outcome = decide(me, event, world=WORLD, position=f"customer-events:0:{index}:0")
        me = outcome.customer or me
        usable = consent.usable(me, Purpose.FINANCIAL_WELLBEING, now_ms=me.latest_ms)
        for told in outcome.insights:
            assert set(told["sources"]) <= usable
            assert orjson.loads(orjson.dumps(told))["words"].endswith((".", "?"))


@settings(max_examples=12)
@given(eventful())
def test_news_keeps_to_its_ration(events: list[EventBase]) -> None:
    """No seven days hold more news than agreed, no month more than one summary of each kind."""
    me = Customer("c-1", grants=grant_all())
    news: list[int] = []
    summaries: dict[str, set[str]] = defaultdict(set)
    for index, event in enumerate(events):
        outcome = decide(me, event, world=WORLD, position=f"customer-events:0:{index}:0")
        me = outcome.customer or me
        for told in outcome.insights:
            if told["kind"] == "news" and told["type"] not in cap.RESTS_DAYS:
                news.append(told["at_ms"])
            elif told["kind"] == "summary":
                month = str(told["at_ms"] // (28 * DAY_MS))
                assert month not in summaries[told["type"]]
                summaries[told["type"]].add(month)
    for first in news:
        assert sum(first <= at < first + 7 * DAY_MS for at in news) <= cap.NEWS_PER_WEEK


@every_insight
@settings(max_examples=8)
@given(events=eventful())
def test_an_insight_reads_and_says_what_it_declares(
    insight: Trigger, events: list[EventBase]
) -> None:
    """Only declared memories and features are looked at, only declared names said, strengths are shares."""
    memory: Memory = insight.slot.zero() if insight.slot is not None else None
    me = Customer("c-1", grants=grant_all())
    for index, event in enumerate(events):
        outcome = decide(me, event, world=WORLD, position=f"customer-events:0:{index}:0")
        me = outcome.customer or me
        if event.kind not in insight.kinds:
            continue
        stands = consent.standing(me, now_ms=me.latest_ms)
        view = sense.View(me, world=WORLD, now_ms=me.latest_ms, stands=stands)
        _, plain = observe.for_wellbeing(event, view, view.usable(Purpose.FINANCIAL_WELLBEING))
        seen: set[str] = set()
        watched = type(plain)(
            event=event,
            now_ms=plain.now_ms,
            memories=Watched("slot:", plain.memories, seen),
            features=Watched("feature:", plain.features, seen),
            forecasts=Watched("forecast:", plain.forecasts, seen),
            rules=plain.rules,
        )
        memory, signals = insight.sense(memory, watched)
        assert seen <= set(insight.needs)
        assert {signal.name for signal in signals} <= set(insight.emits)
        assert all(0 <= signal.strength <= 1 and signal.insight for signal in signals)


def test_names_are_unique() -> None:
    """What one plug-in says no other says."""
    said = [name for insight in INSIGHTS for name in insight.emits]
    assert {name for trigger in TRIGGERS for name in trigger.emits}.isdisjoint(said)
    slots = [p.slot.name for p in (*TRIGGERS, *INSIGHTS) if p.slot is not None]
    assert len(said) == len(set(said))
    assert len(slots) == len(set(slots))


@given(
    st.lists(
        st.tuples(
            st.integers(0, 300),
            st.integers(-90_000, 90_000),
            st.sampled_from(["5411", "5812", "7011", None]),
            st.sampled_from(["card", "transfer", "fee"]),
        ),
        min_size=1,
        max_size=30,
    ),
    st.randoms(use_true_random=False),
)
def test_months_equal_plain_sums_in_any_order(
    movements: list[tuple[int, int, str | None, str]], shuffle: random.Random
) -> None:
    """Sums by category and calendar month, whatever came first, for as many months as are kept."""
    events = [
        event
        for index, (day, amount, mcc, method) in enumerate(movements)
        if isinstance(
            event := moved(day, amount, index=index, mcc=mcc, method=method), TransactionBooked
        )
    ]
    shuffled = list(events)
    shuffle.shuffle(shuffled)
    memory: Memory = {}
    for event in shuffled:
        memory = folded(memory, flow_of(event))
    newest = max(_month(day) for day, *_ in movements)
    expected: dict[str, list[int]] = defaultdict(lambda: [0] * MONTHS)
    for (day, amount, _, _), event in zip(movements, events, strict=True):
        flow, age = flow_of(event), newest - _month(day)
        if age < MONTHS and ((amount < 0) is not flow.refund):
            expected[flow.category][age] -= amount
    kept = {category: bins for category, bins in memory["sums"].items() if any(bins)}
    assert kept == {category: bins for category, bins in expected.items() if any(bins)}


def _month(day: int) -> int:
    at: datetime = START + timedelta(days=day)
    return (at.astimezone(UTC).year - 1970) * 12 + at.month - 1
