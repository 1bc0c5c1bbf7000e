"""Consent: what a grant, a withdrawal, an objection and mistrust do, and that doubt means no."""

from operators import consent, dialogue
from operators.dialogue import ConsentChange
from schemas.base import DATA_SOURCES, DAY_MS, Purpose, Source
from schemas.customer import Customer
from schemas.decisions import Withheld
from schemas.errors import InputError
from tests.strategies import CUSTOMER, GRANT_ALL, event

POSITION = "customer-events:0:7:0"
SAMPLES = {
    Source.TRANSACTIONS: {
        "kind": "transaction.booked",
        "account": "a-1",
        "transaction_id": "t-1",
        "amount_minor": -100,
        "currency": "EUR",
        "method": "card",
    },
    Source.APP: {"kind": "app.opened"},
    Source.OPEN_BANKING: {
        "kind": "openbanking.balance",
        "account": "x-1",
        "institution": "bank-b",
        "account_type": "savings",
        "balance_minor": 1,
        "currency": "EUR",
    },
    Source.LOCATION: {"kind": "location.zone_entered", "zone": "z", "zone_kind": "airport"},
    Source.LIFE_EVENTS: {"kind": "life.declared", "event": "moving"},
    Source.MESSAGES: {"kind": "message.received", "channel": "chat", "text": "hello"},
    Source.PROFILE: {"kind": "product.opened", "product": "mortgage"},
}
OF = {source: event(body, minutes=0) for source, body in SAMPLES.items()}
"""An event of each source."""


def _grant(**fields: object) -> dict[str, object]:
    return {
        "kind": "consent.granted",
        "record_id": "r-1",
        "purpose": "direct_marketing",
        "sources": ["transactions"],
        **fields,
    }


def _customer(*bodies: dict[str, object]) -> Customer:
    customer = Customer(CUSTOMER)
    for index, body in enumerate(bodies):
        change = dialogue.apply(
            customer, event(body, minutes=index, index=index), position=POSITION
        )
        assert isinstance(change, ConsentChange)
    return customer


def _admit(customer: Customer, source: Source, *, now_ms: int) -> tuple[Purpose, ...] | Withheld:
    return consent.admit(OF[source], customer, consent.standing(customer, now_ms=now_ms))


def test_nothing_is_admitted_without_a_grant() -> None:
    """An unknown customer's data is withheld, whatever the source."""
    for source in DATA_SOURCES:
        assert isinstance(_admit(Customer(CUSTOMER), source, now_ms=0), Withheld)


def test_a_grant_admits_its_purpose_and_source_only() -> None:
    """Consent to one source for one purpose opens nothing else."""
    customer = _customer(_grant())
    now_ms = event(_grant(), minutes=1).at_ms
    assert _admit(customer, Source.TRANSACTIONS, now_ms=now_ms) == (Purpose.DIRECT_MARKETING,)
    assert isinstance(_admit(customer, Source.APP, now_ms=now_ms), Withheld)


def test_a_withdrawal_ends_exactly_what_it_names() -> None:
    """Withdrawing one source of one purpose leaves the others."""
    customer = _customer(*GRANT_ALL)
    change = dialogue.apply(
        customer,
        event(
            {
                "kind": "consent.withdrawn",
                "purpose": "direct_marketing",
                "sources": ["location"],
            },
            minutes=10,
        ),
        position=POSITION,
    )
    assert isinstance(change, ConsentChange)
    assert change.ended == ((Purpose.DIRECT_MARKETING, Source.LOCATION),)
    assert Source.LOCATION not in customer.grants[Purpose.DIRECT_MARKETING]
    assert Source.LOCATION in customer.grants[Purpose.FINANCIAL_WELLBEING]
    assert consent.orphaned(customer) == frozenset()


def test_a_bare_withdrawal_ends_everything() -> None:
    """One event takes back all, as easily as it was given (GDPR article 7(3))."""
    customer = _customer(*GRANT_ALL, {"kind": "consent.withdrawn"})
    assert consent.orphaned(customer) == frozenset(DATA_SOURCES)


def test_a_grant_older_than_the_withdrawal_stays_withdrawn() -> None:
    """Logs may cross: a grant that happened before the withdrawal can't revive it."""
    customer = _customer(_grant())
    gone = event({"kind": "consent.withdrawn"}, minutes=100, index=50)
    dialogue.apply(customer, gone, position=POSITION)
    late = dialogue.apply(customer, event(_grant(), minutes=50, index=51), position=POSITION)
    assert isinstance(late, ConsentChange)
    assert late.began == ()
    assert consent.usable(customer, Purpose.DIRECT_MARKETING, now_ms=gone.at_ms) == frozenset()
    again = dialogue.apply(customer, event(_grant(), minutes=200, index=52), position=POSITION)
    assert isinstance(again, ConsentChange)
    assert again.began


def test_a_withdrawal_before_any_grant_is_kept() -> None:
    """A withdrawal that arrives first still beats the older grant behind it."""
    customer = _customer({"kind": "consent.withdrawn"})
    old = event(_grant(), minutes=-10, index=3)
    change = dialogue.apply(customer, old, position=POSITION)
    assert isinstance(change, ConsentChange)
    assert change.began == ()


def test_a_copy_that_comes_late_changes_nothing() -> None:
    """A consent that is heard again, days on and at another place of the log, keeps the proof of its first."""
    customer = _customer(_grant())
    before = customer.copy()
    copy = dialogue.apply(
        customer, event(_grant(), minutes=0, index=0), position="customer-events:0:99:0"
    )
    assert isinstance(copy, ConsentChange)
    assert (copy.began, copy.ended, copy.erased) == ((), (), frozenset())
    assert customer.grants == before.grants


def test_an_older_grant_does_not_overtake_a_newer_one() -> None:
    """The newest word counts, in whatever order words arrive: what it leaves out stays out."""
    newer = _grant(categories=["payments"], record_id="r-new")
    customer = _customer(newer)
    late = event(_grant(record_id="r-old"), minutes=-60, index=7)
    change = dialogue.apply(customer, late, position=POSITION)
    assert isinstance(change, ConsentChange)
    assert change.began == ()
    standing = customer.grants[Purpose.DIRECT_MARKETING][Source.TRANSACTIONS]
    assert standing.record_id == "r-new"
    assert list(customer.category_limits.values()) == [["payments"]]


def test_an_older_change_of_mind_does_not_lift_a_newer_objection() -> None:
    """An objection is absolute: only a word behind it takes it back."""
    customer = _customer(_grant())
    raised = event({"kind": "objection.raised", "scope": "marketing"}, minutes=100, index=8)
    dialogue.apply(customer, raised, position=POSITION)
    lift = {"kind": "objection.lifted", "scope": "marketing"}
    dialogue.apply(customer, event(lift, minutes=50, index=9), position=POSITION)
    assert "marketing" in customer.objections
    dialogue.apply(customer, event(lift, minutes=150, index=10), position=POSITION)
    assert not customer.objections


def test_a_grant_expires() -> None:
    """At valid_until the grant is over, and says which source lost its cover."""
    body = _grant(valid_until="2025-03-10T00:00:00+00:00")
    customer = _customer(body)
    until_ms = customer.grants[Purpose.DIRECT_MARKETING][Source.TRANSACTIONS].until_ms
    assert until_ms is not None
    assert not isinstance(_admit(customer, Source.TRANSACTIONS, now_ms=until_ms - 1), Withheld)
    assert isinstance(_admit(customer, Source.TRANSACTIONS, now_ms=until_ms), Withheld)
    assert dialogue.expire(customer, now_ms=until_ms).ended == (
        (Purpose.DIRECT_MARKETING, Source.TRANSACTIONS),
    )
    assert Source.TRANSACTIONS in consent.orphaned(customer)


def test_contradictory_grants_are_refused() -> None:
    """A consent that ends before it begins, or covers the control source, is an input error."""
    for body in (
        _grant(valid_until="2020-01-01T00:00:00+00:00"),
        _grant(sources=["control"]),
    ):
        change = dialogue.apply(Customer(CUSTOMER), event(body, minutes=0), position=POSITION)
        assert isinstance(change, InputError)
        assert change.hint


def test_objections_are_absolute() -> None:
    """An objection closes its purposes though every consent stands; protective help stays."""
    marketing = _customer(*GRANT_ALL, {"kind": "objection.raised", "scope": "marketing"})
    now_ms = event(_grant(), minutes=60).at_ms
    assert consent.usable(marketing, Purpose.DIRECT_MARKETING, now_ms=now_ms) == frozenset()
    assert consent.usable(marketing, Purpose.SERVICE_PERSONALISATION, now_ms=now_ms)
    profiling = _customer(*GRANT_ALL, {"kind": "objection.raised", "scope": "profiling"})
    assert consent.usable(profiling, Purpose.SERVICE_PERSONALISATION, now_ms=now_ms) == frozenset()
    assert consent.usable(profiling, Purpose.FINANCIAL_WELLBEING, now_ms=now_ms)
    lifted = event({"kind": "objection.lifted", "scope": "profiling"}, minutes=61)
    dialogue.apply(profiling, lifted, position=POSITION)
    assert consent.usable(profiling, Purpose.SERVICE_PERSONALISATION, now_ms=now_ms)


def test_mistrust_silences_a_source_for_its_time() -> None:
    """A source called too personal is not used until its pause is over."""
    customer = _customer(*GRANT_ALL)
    now_ms = event(_grant(), minutes=60).at_ms
    customer.mistrusted["location"] = now_ms + 2 * DAY_MS
    inside = consent.usable(customer, Purpose.DIRECT_MARKETING, now_ms=now_ms + DAY_MS)
    after = consent.usable(customer, Purpose.DIRECT_MARKETING, now_ms=now_ms + 2 * DAY_MS)
    assert Source.LOCATION not in inside
    assert Source.LOCATION in after


def test_the_vector_names_record_and_position() -> None:
    """A decision's proof is the record and the log position of each consent that it stands on."""
    customer = _customer(_grant())
    now_ms = event(_grant(), minutes=1).at_ms
    assert consent.vector(customer, [Purpose.DIRECT_MARKETING], now_ms=now_ms) == {
        "direct_marketing": {"transactions": f"r-1@{POSITION}"}
    }
