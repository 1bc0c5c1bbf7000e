"""Laws of the policies: they hold for every catalogue, lever, customer and order."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import find, given, settings
from hypothesis import strategies as st

from operators.contracts import Policy, Situation
from operators.policy import POLICIES, braked, screen
from schemas.base import DATA_SOURCES, DAY_MS, Channel, Purpose
from schemas.customer import Contact, Customer
from schemas.decisions import Candidate, Screened, Verdict
from schemas.offers import Item, Kind
from schemas.rules import Rules
from tests.moments import NOW_MS, candidate, customer, grant_all, item, live, situation

_shares = st.floats(min_value=0, max_value=1)
_count = st.integers(0, 10)
_products = st.sampled_from(["current_account", "gold_card", "mortgage"])
TROUBLE = "intent.money_trouble"
SIGNALS = {
    TROUBLE: "messages",
    "life.bereavement": "life_events",
    "life.job_loss": "life_events",
    "salary.missing": "transactions",
    "shortfall.ahead": "transactions",
}

UNBRAKED = [policy for policy in POLICIES if policy.name != "vulnerability"]


class Refusing:
    name = "refusing"
    source = "a test"

    def __init__(self, ids: frozenset[str]) -> None:
        self.ids = ids

    def judge(self, candidate: Candidate, situation: Situation) -> Verdict:  # noqa: ARG002 - a policy
        refused = candidate.item.id in self.ids
        return Verdict(not refused, "refusing.id" if refused else "", "No." if refused else "")


class Raising(Refusing):
    name = "raising"

    def judge(self, candidate: Candidate, situation: Situation) -> Verdict:  # noqa: ARG002 - a policy
        if candidate.item.id in self.ids:
            raise RuntimeError
        return Verdict(allowed=True)


def _seldom(draw: st.DrawFn, strategy: st.SearchStrategy[Any], otherwise: Any) -> Any:
    """The strategy's value one time in four: rules that always bite would hide one another."""
    return draw(strategy) if draw(st.integers(0, 3)) == 3 else otherwise


@st.composite
def _items(draw: st.DrawFn) -> Item:
    """Any item the shape admits, whether or not the catalogue's own checks would."""
    kind = draw(st.sampled_from(Kind))
    changes: dict[str, Any] = {
        "id": f"item-{draw(st.integers(0, 5))}",
        "category": draw(st.sampled_from(["a", "b"])),
        "pressure": _seldom(draw, _shares, 0.0),
        "credit": _seldom(draw, st.booleans(), otherwise=False),
        "protective": draw(st.booleans()),
        "high_stakes": _seldom(draw, st.booleans(), otherwise=False),
        "rest_days": draw(st.integers(1, 60)),
        "product": _seldom(draw, _products, None),
        "eligibility": {
            "age_min": _seldom(draw, st.integers(0, 90), None),
            "tenure_days_min": _seldom(draw, st.integers(0, 900), 0),
            "requires": _seldom(draw, st.lists(_products, max_size=1), []),
            "excludes": _seldom(draw, st.lists(_products, max_size=1), []),
        },
        "suitability": {
            "shortfall_max": _seldom(draw, _shares, None),
            "debt_service_share_max": _seldom(draw, _shares, None),
            "income_minor_month_min": _seldom(draw, st.integers(0, 500_000), None),
            "needs_signal": _seldom(draw, st.booleans(), otherwise=False),
        },
    }
    if kind is Kind.CONSENT_ASK:
        changes["asks_source"] = draw(st.sampled_from(["location", "messages"]))
    return item(kind, **changes)


@st.composite
def _customers(draw: st.DrawFn, *, in_care: bool) -> Customer:
    grants = grant_all()
    for purpose in _seldom(draw, st.sets(st.sampled_from(Purpose), max_size=2), ()):
        del grants[purpose]
    for by_source in grants.values():
        for source in _seldom(draw, st.sets(st.sampled_from(DATA_SOURCES), min_size=3), ()):
            del by_source[source]
    names = draw(st.sets(st.sampled_from(sorted(SIGNALS)), max_size=1))
    flagged = in_care and draw(st.booleans())
    if in_care and not flagged:
        names = {TROUBLE}
    flags = st.dictionaries(st.sampled_from(["health", "capability"]), st.just(1), min_size=1)
    objections = st.dictionaries(st.sampled_from(["marketing", "profiling"]), st.just(1))
    contacts = st.builds(
        Contact,
        st.integers(0, 20).map(lambda days: NOW_MS - days * DAY_MS),
        st.integers(0, 9).map(lambda index: f"item-{index}"),
        st.sampled_from([kind.value for kind in Kind]),
        st.sampled_from([channel.value for channel in Channel]),
    )
    return customer(
        grants=grants,
        signals={name: live(SIGNALS[name]) for name in names},
        vulnerable=draw(flags) if flagged else {},
        objections=_seldom(draw, objections, {}),
        products=_seldom(draw, st.dictionaries(_products, st.just(NOW_MS - 50 * DAY_MS)), {}),
        contacts=_seldom(draw, st.lists(contacts, max_size=4), []),
    )


@st.composite
def _rules(draw: st.DrawFn) -> Rules:
    return Rules(
        contacts_per_week=_seldom(draw, _count, 4),
        contacts_per_day=_seldom(draw, _count, 2),
        marketing_per_week=_seldom(draw, _count, 2),
        push_per_week=_seldom(draw, _count, 2),
        shortfall_suppress_sales=_seldom(draw, _shares, 0.5),
        debt_service_share_max=_seldom(draw, _shares, 0.4),
    )


_verdicts = st.dictionaries(
    st.integers(0, 5).map(lambda i: f"item-{i}"), st.sampled_from(["approved", "rejected"])
)


@st.composite
def _situations(draw: st.DrawFn, *, in_care: bool = False) -> Situation:
    return situation(
        draw(_customers(in_care=in_care)),
        features={
            "cash.history_days": _seldom(draw, st.just(0.0), 200.0),
            "cash.balance_eur": 1_000.0,
            "cash.income_month_eur": _seldom(draw, st.floats(0, 5_000), 3_500.0),
            "cash.debt_service_share": _seldom(draw, _shares, 0.05),
        },
        shortfall=_seldom(draw, st.none() | _shares, 0.02),
        rules=draw(_rules()),
        verdicts=_seldom(draw, _verdicts, {}),
    )


_candidates = st.lists(
    st.builds(
        lambda of, channel, signalled: candidate(
            of,
            channel=channel,
            signal="idle.cash" if signalled else None,
            sources=("transactions",) if signalled else (),
        ),
        _items(),
        st.sampled_from(Channel),
        st.booleans(),
    ),
    min_size=1,
    max_size=5,
)


def allowed(screened: Sequence[Screened]) -> list[Candidate]:
    """The candidates that nothing refused."""
    return [s.candidate for s in screened if s.refusal is None]


@given(_candidates, _situations(), st.frozensets(st.integers(0, 5)))
def test_adding_a_policy_never_allows_more(
    proposed: list[Candidate], where: Situation, refused: frozenset[int]
) -> None:
    """What one more policy leaves is what was allowed before without what it refuses."""
    ids = frozenset(f"item-{index}" for index in refused)
    before = allowed(screen(proposed, where))
    after = allowed(screen(proposed, where, policies=(*POLICIES, Refusing(ids))))
    assert after == [c for c in before if c.item.id not in ids]


@given(_candidates, _situations(), st.permutations(POLICIES))
def test_the_order_of_policies_never_changes_what_is_allowed(
    proposed: list[Candidate], where: Situation, order: list[Policy]
) -> None:
    """Order chooses whose words are heard, never what may be said."""
    assert allowed(screen(proposed, where, policies=order)) == allowed(screen(proposed, where))


@given(_candidates, _situations(), st.frozensets(st.integers(0, 5)), _count)
def test_a_policy_that_raises_denies(
    proposed: list[Candidate], where: Situation, broken: frozenset[int], place: int
) -> None:
    """Raising is refusing, wherever the policy stands, and leaves the other candidates alone."""
    ids = frozenset(f"item-{index}" for index in broken)
    order: list[Policy] = list(POLICIES)
    order.insert(place % (len(POLICIES) + 1), Raising(ids))
    by_raising = allowed(screen(proposed, where, policies=order))
    by_refusing = allowed(screen(proposed, where, policies=(*POLICIES, Refusing(ids))))
    assert by_raising == by_refusing


@given(_candidates, _situations())
def test_every_refusal_has_a_declared_rule_and_words(
    proposed: list[Candidate], where: Situation
) -> None:
    """What is refused is refused by a rule that its policy declares, with the declared words."""
    declared = {rule: refusal for policy in POLICIES for rule, refusal in policy.refusals.items()}
    for screened in screen(proposed, where):
        if screened.refusal is not None:
            assert screened.refusal == declared[screened.refusal.rule]
            assert screened.refusal.words
            assert not screened.refusal.allowed


@settings(max_examples=200)
@given(_candidates, _situations(in_care=True))
def test_nobody_in_special_care_is_sold_to(proposed: list[Candidate], where: Situation) -> None:
    """Under any catalogue, lever, forecast or verdict: no pressure, no offer, no credit."""
    if braked(where.customer, now_ms=where.now_ms, readable=where.readable):
        for one in allowed(screen(proposed, where)):
            assert one.item.pressure == 0
            assert not one.item.credit
            assert one.item.kind is not Kind.OFFER


@pytest.mark.parametrize("in_care", [True, False])
def test_the_laws_are_not_empty(in_care: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Among what is drawn are offers that only the brake holds back, and offers that are allowed."""

    def sold(drawn: tuple[list[Candidate], Situation]) -> bool:
        left = allowed(screen(*drawn, policies=UNBRAKED))
        braking = braked(drawn[1].customer, now_ms=NOW_MS, readable=drawn[1].readable)
        return braking == in_care and any(one.item.kind is Kind.OFFER for one in left)

    find(st.tuples(_candidates, _situations(in_care=in_care)), sold)


@settings(max_examples=200)
@given(_candidates, _situations())
def test_no_consent_no_item(proposed: list[Candidate], where: Situation) -> None:
    """What is allowed stands on a live grant of its purpose for each source of its signal."""
    for one in allowed(screen(proposed, where)):
        purpose = one.item.purpose
        if purpose is not None:
            granted = where.customer.grants.get(purpose, {})
            assert granted
            assert granted.keys() >= set(one.sources)
            assert not (purpose is Purpose.DIRECT_MARKETING and where.customer.objections)


@given(_candidates, _situations())
def test_judging_changes_nothing(proposed: list[Candidate], where: Situation) -> None:
    """Policies are pure: the same question gets the same answer, and the record stays as it was."""
    before = where.customer.copy()
    assert screen(proposed, where) == screen(proposed, where)
    assert where.customer == before
