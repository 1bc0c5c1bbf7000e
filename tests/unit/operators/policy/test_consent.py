"""Consent: purpose, source, objections, and when asking is fair."""

import pytest

from operators.policy.consent import ConsentStands
from schemas.base import DAY_MS, Purpose, Source
from schemas.customer import Contact, Customer, Grant
from tests.moments import NOW_MS, candidate, customer, grant_all, item, readable, situation

POLICY = ConsentStands()
LOCATION = {"asks_purpose": "financial_wellbeing", "asks_source": "location"}
KEY = "financial_wellbeing:location"


def without(purpose: Purpose, *sources: Source) -> dict[str, dict[str, Grant]]:
    """All grants but these; without sources, but the whole purpose."""
    grants = grant_all()
    if not sources:
        del grants[purpose]
    for source in sources:
        del grants[purpose][source]
    return grants


@pytest.mark.parametrize(
    ("kind", "purpose"),
    [
        ("offer", Purpose.DIRECT_MARKETING),
        ("intervention", Purpose.FINANCIAL_WELLBEING),
        ("feature", Purpose.SERVICE_PERSONALISATION),
    ],
)
def test_each_kind_needs_its_own_purpose(kind: str, purpose: Purpose) -> None:
    """Consent to all other purposes is no consent to this one."""
    allowed = POLICY.judge(candidate(item(kind)), situation())
    refused = POLICY.judge(candidate(item(kind)), situation(customer(grants=without(purpose))))
    assert allowed.allowed
    assert refused.rule == "consent.purpose"


def test_every_source_of_the_signal_needs_consent_for_the_purpose() -> None:
    """One source of two without consent is enough to refuse."""
    proposed = candidate(item(), signal="idle.cash", sources=("transactions", "open_banking"))
    me = customer(grants=without(Purpose.DIRECT_MARKETING, Source.OPEN_BANKING))
    assert POLICY.judge(proposed, situation()).allowed
    assert POLICY.judge(proposed, situation(me)).rule == "consent.source"


def test_expired_and_mistrusted_sources_are_not_usable() -> None:
    """A grant that ended, and a source called too personal, mean «no»."""
    me = customer()
    me.grants[Purpose.DIRECT_MARKETING]["app"] = Grant("r", "p", 0, NOW_MS)
    me.mistrusted = {"location": NOW_MS + 1, "messages": NOW_MS}
    usable_now = me.granted(Purpose.DIRECT_MARKETING, NOW_MS)
    assert {"app", "location"}.isdisjoint(usable_now)
    assert "messages" in usable_now


def test_consent_to_training_alone_serves_no_decision() -> None:
    """Data that only models may learn from is not looked at to judge a customer."""
    me = Customer("c-1", grants={Purpose.MODEL_TRAINING: grant_all()[Purpose.MODEL_TRAINING]})
    assert readable(me) == frozenset()


def test_objections_are_absolute_and_leave_help_alone() -> None:
    """Marketing stops offers, profiling stops features too; protective help stays."""
    marketing = situation(customer(objections={"marketing": 1}))
    profiling = situation(customer(objections={"profiling": 1}))
    rules = {
        (kind, name): POLICY.judge(candidate(item(kind)), where).rule
        for kind in ("offer", "feature", "intervention")
        for name, where in (("marketing", marketing), ("profiling", profiling))
    }
    assert rules == {
        ("offer", "marketing"): "consent.objection_marketing",
        ("offer", "profiling"): "consent.objection_profiling",
        ("feature", "marketing"): "",
        ("feature", "profiling"): "consent.objection_profiling",
        ("intervention", "marketing"): "",
        ("intervention", "profiling"): "",
    }


def test_an_ask_needs_no_consent() -> None:
    """A customer who agreed to nothing may be asked."""
    assert POLICY.judge(candidate(item("consent_ask")), situation(Customer("c-1"))).allowed


def test_nothing_is_asked_that_is_known() -> None:
    """Consent that stands is not asked for again; once it ended it may be."""
    asked = candidate(item("consent_ask", **LOCATION))
    assert POLICY.judge(asked, situation()).rule == "consent.already_granted"
    ended = customer(grants=without(Purpose.FINANCIAL_WELLBEING, Source.LOCATION))
    assert POLICY.judge(asked, situation(ended)).allowed


@pytest.mark.parametrize("said", ["refusals", "withdrawn"])
def test_a_no_rests_for_ninety_days(said: str) -> None:
    """«No», and taking consent back, both keep the question away for the rest."""
    asked = candidate(item("consent_ask", **LOCATION))
    recent = customer(grants={}, **{said: {KEY: NOW_MS - 89 * DAY_MS}})
    older = customer(grants={}, **{said: {KEY: NOW_MS - 90 * DAY_MS}})
    assert POLICY.judge(asked, situation(recent)).rule == "consent.refused_lately"
    assert POLICY.judge(asked, situation(older)).allowed


def test_asks_are_capped_per_month() -> None:
    """Two questions in thirty days are enough, whatever they asked for."""
    asked = candidate(item("consent_ask", **LOCATION))
    said = [Contact(NOW_MS - d * DAY_MS, f"ask-{d}", "consent_ask", "in_app") for d in (29, 10)]
    assert (
        POLICY.judge(asked, situation(customer(grants={}, contacts=said))).rule
        == "consent.asks_per_month"
    )
    assert POLICY.judge(asked, situation(customer(grants={}, contacts=said[1:]))).allowed


def test_nothing_is_asked_for_what_was_objected_to_or_mistrusted() -> None:
    """An objection, and «too personal», are respected by questions as well."""
    marketing = candidate(
        item("consent_ask", asks_purpose="direct_marketing", asks_source="profile")
    )
    objector = situation(customer(grants={}, objections={"marketing": 1}))
    assert POLICY.judge(marketing, objector).rule == "consent.objection_marketing"
    wary = situation(customer(grants={}, mistrusted={"location": NOW_MS + 1}))
    asked = candidate(item("consent_ask", **LOCATION))
    assert POLICY.judge(asked, wary).rule == "consent.mistrusted"


def test_an_ask_that_asks_nothing_is_refused() -> None:
    """A question without a purpose or a source can't be answered."""
    vague = candidate(item("consent_ask", asks_source=None))
    assert POLICY.judge(vague, situation()).rule == "consent.incomplete_ask"


def test_a_renewal_is_asked_for_in_time() -> None:
    """A consent that ends within the renewal days may be asked for again; one that lasts may not."""
    ask = candidate(item("consent_ask", **LOCATION), channel="in_app")
    for days, allowed in ((13, True), (15, False)):
        me = customer()
        until_ms = NOW_MS + days * DAY_MS
        me.grants[Purpose.FINANCIAL_WELLBEING]["location"] = Grant("r", "p", 0, until_ms)
        assert POLICY.judge(ask, situation(me)).allowed is allowed
    me.refusals = {KEY: NOW_MS - DAY_MS}
    me.grants[Purpose.FINANCIAL_WELLBEING]["location"] = Grant("r", "p", 0, NOW_MS + DAY_MS)
    assert POLICY.judge(ask, situation(me)).rule == "consent.refused_lately"


def test_a_channel_needs_consent_where_consent_is_limited() -> None:
    """A grant that names channels closes the others; one without names closes none."""
    me = customer()
    me.channel_limits = {"direct_marketing:app": ["chat"]}
    chat = POLICY.judge(candidate(item(), channel="chat"), situation(me))
    push = POLICY.judge(candidate(item(), channel="push"), situation(me))
    assert chat.allowed
    assert push.rule == "consent.channel"
    assert POLICY.judge(candidate(item("intervention"), channel="push"), situation(me)).allowed
