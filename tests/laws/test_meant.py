"""Law: a feature that is not meant for a purpose is not read for it, by triggers, insights, offers or choices."""

from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators import consent, meant, observe, offers, sense
from operators.contracts import EVERY_PURPOSE, Moment, Slot
from operators.features import CONTEXT, SPECS
from operators.features.text import MONEY_TROUBLE
from operators.insights import INSIGHTS
from operators.triggers import TRIGGERS
from schemas.base import DATA_SOURCES, DAY_MS, Channel, Purpose, Source
from schemas.customer import Customer, Grant, Memory
from schemas.events import EventBase, MessageRead
from schemas.signals import Signal
from tests.accounts import START, folded
from tests.laws.test_feature_views import full_life
from tests.moments import NOW_MS, customer, item, live
from tests.streams import small_world

WORLD = small_world()
SPEC_OF = {spec.name: spec for spec in SPECS}
NARROW = "text.money_trouble_90d"
SELL, CARE, TRAIN = (
    Purpose.DIRECT_MARKETING,
    Purpose.FINANCIAL_WELLBEING,
    Purpose.MODEL_TRAINING,
)
some_grants = st.dictionaries(
    st.sampled_from(list(Purpose)), st.frozensets(st.sampled_from(DATA_SOURCES)), max_size=4
)


class Curious:
    """A trigger and an insight that reads every feature there is, and says which it got."""

    name = "curious"
    kinds = frozenset({"app.opened", "message.read"})
    emits = ("curious.said",)
    slot: Slot | None = None

    def __init__(self, *needs: str) -> None:
        self.needs = needs
        self.got: dict[str, float] = {}

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Read all that may be read."""
        self.got = dict(moment.features)
        assert set(self.got) == {name for name in SPEC_OF if name in moment.features}
        assert all(moment.features.get(name, -1.0) == -1.0 for name in SPEC_OF.keys() - self.got)
        return memory, ()


def agreeing(grants: Mapping[Purpose, frozenset[Source]]) -> Customer:
    """Somebody with memories of every source, who agreed to these uses."""
    me = Customer("c-1", since_ms=1, latest_ms=20_300 * DAY_MS)
    me.slots = full_life()
    me.grants = {
        purpose: {source: Grant("r", "consents:0:0:0", 0) for source in sources}
        for purpose, sources in grants.items()
    }
    return me


def opened() -> EventBase:
    return MessageRead(
        event_id="m-1", customer="c-1", at=START, channel="chat", intent=MONEY_TROUBLE,
        intent_probability=0.9, sentiment=-0.5,
    )  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(some_grants)
def test_triggers_and_insights_read_only_what_is_meant_for_a_purpose_that_they_serve(
    grants: dict[Purpose, frozenset[Source]],
) -> None:
    """What a trigger reads is meant for some purpose, not training, that may use its sources; an insight's for care."""
    me, event = agreeing(grants), opened()
    view = sense.View(
        me, world=WORLD, now_ms=me.latest_ms, stands=consent.standing(me, now_ms=me.latest_ms)
    )
    trigger, insight = Curious(), Curious()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sense, "TRIGGERS_OF_KIND", {event.kind: (trigger,)})
        patch.setattr(observe, "INSIGHTS_OF_KIND", {event.kind: (insight,)})
        observe.observe(me, event, view=view, trace=[])
        assert not view.features.looked_at
        sense.notice(me, event, view=view, trace=[])
    for name in trigger.got.keys() & meant.NARROW.keys():
        spec = SPEC_OF[name]
        assert any(
            purpose in spec.purposes and spec.sources <= view.usable(purpose)
            for purpose in sense.SERVED
        ), name
    for name in insight.got:
        assert CARE in SPEC_OF[name].purposes
    if NARROW in trigger.got:
        assert Source.MESSAGES in grants.get(CARE, frozenset())


def test_nothing_is_computed_of_what_may_not_be_read() -> None:
    """Where messages serve marketing alone, a feature of wellbeing is not even looked at."""
    me = agreeing({SELL: frozenset(DATA_SOURCES), TRAIN: frozenset(DATA_SOURCES)})
    stands = consent.standing(me, now_ms=me.latest_ms)
    view = sense.View(me, world=WORLD, now_ms=me.latest_ms, stands=stands)
    seen = meant.Meant(view.features, sense.SERVED, view.usable)
    assert NARROW not in seen
    assert seen.get(NARROW) is None
    assert "text.sentiment" in seen
    assert not view.features.looked_at
    assert set(seen) == {spec.name for spec in SPECS if SELL in spec.purposes}


def test_a_signal_serves_only_what_all_it_reads_is_meant_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """An offer is not proposed by a signal that rests on what is not meant for selling; a helping hand is."""
    plugin = Curious("slot:text", f"feature:{NARROW}", "feature:text.sentiment")
    narrow = meant.of_signals((plugin,))
    assert narrow == {"curious.said": SPEC_OF[NARROW].purposes}
    items = tuple(item(kind, answers=["curious.said"]) for kind in ("offer", "intervention"))
    said = {"curious.said": live("messages")}

    def proposed() -> set[str]:
        found = offers.propose(
            customer(), catalogue=items, live=said, features=folded_features(), usable=lambda _: frozenset(Source),
            in_use=frozenset(), taste=None, channel=Channel.IN_APP, now_ms=NOW_MS,
        )  # fmt: skip
        return {one.item.id for one in found if one.signal is not None}

    assert proposed() == {"some_offer", "some_intervention"}
    monkeypatch.setattr(meant, "NARROW_SIGNALS", narrow)
    assert proposed() == {"some_intervention"}


def folded_features() -> Mapping[str, float]:
    return sense.Features(folded([]), now_ms=NOW_MS, failed=[])


def test_what_is_scored_and_matched_is_meant_for_every_purpose() -> None:
    """Contexts and interests are told apart by source alone, so all that they read may serve every purpose."""
    read = {spec.name for spec in CONTEXT} | {name for name, *_ in offers.AFFINITIES}
    assert all(SPEC_OF[name].purposes == EVERY_PURPOSE for name in read)


def test_insights_need_only_what_is_meant_for_wellbeing() -> None:
    """What an insight declares to need may serve the only purpose that it serves."""
    assert all(CARE in meant.of_needs(insight.needs) for insight in INSIGHTS)
    assert all(meant.of_needs(trigger.needs) - {TRAIN} for trigger in TRIGGERS)
