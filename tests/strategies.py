"""Hypothesis strategies: lives of one customer, as lists of events in log order."""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from schemas.base import DATA_SOURCES, Purpose
from schemas.events import EVENT, EventBase

START = datetime(2025, 3, 3, 8, tzinfo=UTC)
CUSTOMER = "c-1"

_minor = st.integers(min_value=-300_000, max_value=300_000)
_transaction = st.builds(
    lambda amount, mcc, country, party, balance: {
        "kind": "transaction.booked",
        "account": "a-1",
        "transaction_id": "",
        "amount_minor": amount,
        "currency": "EUR",
        "method": "card" if amount < 0 else "transfer",
        "mcc": mcc if amount < 0 else None,
        "country": country,
        "counterparty": party,
        "balance_minor": balance,
    },
    _minor,
    st.sampled_from(["5411", "5812", "3005", "7011", "4111", "6300", None]),
    st.sampled_from(["GB", "GB", "GB", "FR", None]),
    st.sampled_from(["shop-1", "employer-1", "landlord-1", "utility-1", None]),
    st.integers(min_value=-100_000, max_value=2_000_000),
)
_app = st.one_of(
    st.just({"kind": "app.opened"}),
    st.sampled_from(["home", "cards", "travel"]).map(
        lambda s: {"kind": "app.screen_viewed", "screen": s}
    ),
    st.sampled_from(["savings_pots", "travel_mode"]).map(
        lambda f: {"kind": "app.feature_used", "feature": f}
    ),
    st.just({"kind": "app.rage_tapped", "screen": "payments"}),
    st.just({"kind": "app.flow_abandoned", "flow": "loan"}),
)
_elsewhere = st.one_of(
    st.integers(-500_000, 5_000_000).map(
        lambda b: {
            "kind": "openbanking.balance",
            "account": "x-1",
            "institution": "bank-b",
            "account_type": "savings",
            "balance_minor": b,
            "currency": "EUR",
        }
    ),
    st.just({"kind": "location.zone_entered", "zone": "airport:LHR", "zone_kind": "airport"}),
    st.sampled_from(["moving", "baby", "bereavement", "job_loss"]).map(
        lambda e: {"kind": "life.declared", "event": e}
    ),
    st.sampled_from(["travel_card", "mortgage", "savings_account"]).map(
        lambda p: {"kind": "product.opened", "product": p}
    ),
    st.just({"kind": "profile.updated", "birth_year": 1988, "employment": "employed"}),
)
_purpose = st.sampled_from(list(Purpose))
_sources = st.lists(st.sampled_from(list(DATA_SOURCES)), min_size=1, max_size=7, unique=True)
_control = st.one_of(
    st.builds(
        lambda p, s: {
            "kind": "consent.granted",
            "record_id": "r-1",
            "purpose": p.value,
            "sources": [x.value for x in s],
        },
        _purpose,
        _sources,
    ),
    st.builds(
        lambda p, s: {
            "kind": "consent.withdrawn",
            "purpose": p.value if p else None,
            "sources": [x.value for x in s],
        },
        st.one_of(st.none(), _purpose),
        _sources,
    ),
    st.sampled_from(["marketing", "profiling"]).map(
        lambda s: {"kind": "objection.raised", "scope": s}
    ),
    st.just({"kind": "vulnerability.flagged", "driver": "health"}),
    st.just({"kind": "vulnerability.cleared", "driver": "health"}),
)

GRANT_ALL: list[dict[str, Any]] = [
    {
        "kind": "consent.granted",
        "record_id": f"all-{purpose.value}",
        "purpose": purpose.value,
        "sources": [source.value for source in DATA_SOURCES],
    }
    for purpose in Purpose
]
"""The four grants of a customer who agrees to everything."""


def event(body: dict[str, Any], *, minutes: float, index: int = 0) -> EventBase:
    """One validated event of `CUSTOMER`, so many minutes after `START`."""
    data = {
        "event_id": f"e-{index}",
        "customer": CUSTOMER,
        "at": (START + timedelta(minutes=minutes)).isoformat(),
        **body,
    }
    if data["kind"] == "transaction.booked" and not data["transaction_id"]:
        data["transaction_id"] = f"t-{index}"
    return EVENT.validate_python(data)


@st.composite
def lives(
    draw: st.DrawFn, *, control: bool = True, max_size: int = 60, consented: bool = False
) -> list[EventBase]:
    """A life: events of all sources, gaps of minutes to days, consent changes interleaved."""
    kinds = [_transaction, _app, _elsewhere]
    if control:
        kinds.append(_control)
    bodies = draw(st.lists(st.one_of(*kinds), min_size=1, max_size=max_size))
    if consented:
        bodies = GRANT_ALL + bodies
    made, minutes = [], 0.0
    for index, body in enumerate(bodies):
        minutes += draw(st.sampled_from([0.0, 1.0, 90.0, 1440.0, 4320.0]))
        made.append(event(body, minutes=minutes, index=index))
    return made
