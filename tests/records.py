"""Hypothesis strategies for customer records, and one full record that every field of is set in."""

from typing import Any

from hypothesis import strategies as st

from schemas.base import Purpose, Source
from schemas.customer import (
    Contact,
    Customer,
    Grant,
    LiveSignal,
    OpenDecision,
    Outstanding,
    Preference,
    event_mark,
)
from schemas.vectors import pack_vector

MAX_MS = 2**45
_instants = st.integers(min_value=0, max_value=MAX_MS)
_words = st.text(st.characters(codec="utf-8"), max_size=12)
_numbers = st.one_of(
    st.integers(min_value=-(2**63), max_value=2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
)
kept_values: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | _numbers | _words | st.binary(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_words, inner, max_size=4),
    max_leaves=12,
)
"""What a plug-in may keep: all that comes back equal."""
_shares = st.floats(min_value=0, max_value=1)
_vectors = st.lists(
    st.integers(-8192, 8192).map(lambda n: n / 1024) | st.floats(-40, 40), max_size=5
).map(pack_vector)
_sources = st.lists(st.sampled_from(Source), max_size=3).map(tuple)
_instants_by_word = st.dictionaries(_words, _instants, max_size=3)
_open = st.dictionaries(
    _words,
    st.builds(
        OpenDecision,
        at_ms=_instants,
        until_ms=_instants,
        propensity=_shares,
        context=_vectors,
        action_features=_vectors,
        sources=_sources,
        label=st.none() | _shares,
    ),
    max_size=2,
)
_outstanding = st.dictionaries(
    _words, st.builds(Outstanding, sources=_sources, until_ms=_instants), max_size=2
)
_limits = st.dictionaries(_words, st.lists(_words, max_size=2), max_size=2)
_access = st.dictionaries(
    _words, st.builds(Grant, _words, _words, _instants, st.none() | _instants), max_size=2
)


def customers(ids: st.SearchStrategy[str]) -> st.SearchStrategy[Customer]:
    """Records of any content with an id of ``ids``."""
    return st.builds(_dated, _records(ids), st.none() | st.integers(0, 40_000))


def _dated(record: Customer, day: int | None) -> Customer:
    """With a day for each memory, as a worker leaves it, where one is given."""
    if day is not None:
        record.touched = {name: day + n for n, name in enumerate(record.slots)}
    return record


def _records(ids: st.SearchStrategy[str]) -> st.SearchStrategy[Customer]:
    return st.builds(
        Customer,
        customer=ids,
        since_ms=_instants,
        latest_ms=_instants,
        grants=st.dictionaries(
            st.sampled_from(Purpose),
            st.dictionaries(
                st.sampled_from(Source),
                st.builds(
                    Grant,
                    _words,
                    _words,
                    _instants,
                    st.none() | _instants,
                    st.just(()) | st.just(("health", "union")),
                ),
                max_size=2,
            ),
            max_size=2,
        ),
        refusals=_instants_by_word,
        withdrawn=_instants_by_word,
        objections=_instants_by_word,
        vulnerable=_instants_by_word,
        preferences=st.dictionaries(
            st.sampled_from(["push", "chat"]),
            st.builds(Preference, st.booleans(), st.none() | st.integers(0, 23)),
            max_size=2,
        ),
        profile=st.dictionaries(_words, kept_values, max_size=2),
        products=_instants_by_word,
        slots=st.dictionaries(_words, kept_values, max_size=3),
        signals=st.dictionaries(
            _words,
            st.builds(
                LiveSignal,
                at_ms=_instants,
                until_ms=_instants,
                strength=_shares,
                sources=_sources,
                evidence=st.dictionaries(_words, kept_values, max_size=2),
            ),
            max_size=2,
        ),
        open=_open,
        contacts=st.lists(st.builds(Contact, at_ms=_instants), max_size=2),
        rests=_instants_by_word,
        mistrusted=st.dictionaries(st.sampled_from(Source), _instants, max_size=2),
        recent=st.lists(_words, max_size=3).map(lambda ids: b"".join(map(event_mark, ids))),
        timers=st.dictionaries(st.sampled_from(["salary", "signal.1", "x"]), _instants, max_size=3),
        decision_count=st.integers(0, 1000),
        previous_digest=_words,
        outstanding=_outstanding,
        category_limits=_limits,
        channel_limits=_limits,
        access=_access,
        touched=st.dictionaries(_words, st.integers(0, 40_000), max_size=3),
    )


def full_customer() -> Customer:
    """A record with something in every field: the one whose bytes are kept for each version."""
    return Customer(
        customer="c-1",
        since_ms=1_700_000_000_000,
        latest_ms=1_740_000_000_123,
        grants={
            "direct_marketing": {"app": Grant("r-1", "customer-events:3:14:0", 1_700_000_000_000)},
            "financial_wellbeing": {
                "transactions": Grant("r-2", "customer-events:3:15:1", 1, 1_900_000_000_000)
            },
        },
        refusals={"direct_marketing:location": 11},
        withdrawn={"model_training:messages": 12},
        objections={"profiling": 13},
        vulnerable={"health": 14},
        preferences={"push": Preference(enabled=False, quiet_from_hour=22, quiet_to_hour=7)},
        profile={"birth_year": 1984, "country": "GB", "household_size": None},
        products={"current_account": 15},
        slots={
            "cash@1": {"balance": -1250, "mean": 3.0, "days": [0.5, -0.0, 1e-9]},
            "text@1": "gAA/7w==",
        },
        signals={
            "salary.arrived": LiveSignal(
                at_ms=16,
                until_ms=17,
                strength=0.75,
                sources=("transactions",),
                words="Your pay — “salary” — has arrived.",
                evidence={"share": 1.0, "late": False},
            )
        },
        open={
            "d-1": OpenDecision(
                decision_id="d-1",
                at_ms=18,
                action="savings_pots",
                purpose="service_personalisation",
                channel="in_app",
                arm="explore",
                propensity=0.125,
                model="m-1",
                context=pack_vector((1.0, -0.25)),
                action_features=pack_vector((1.0, 0.015625)),
                sources=("transactions", "app"),
                until_ms=19,
                trainable=True,
                label=0.5,
                last_outcome="viewed",
            )
        },
        contacts=[Contact(20, "savings_pots", "feature", "in_app")],
        rests={"category:credit": 21},
        mistrusted={"location": 22},
        recent=event_mark("e-1") + event_mark("e-2"),
        timers={"signal:salary.missing": 23},
        decision_count=24,
        previous_digest="ab" * 32,
        outstanding={
            "o-1": Outstanding(
                "d-1", "savings_pots", "service_personalisation", "in_app", ("app",), 25
            )
        },
        category_limits={"direct_marketing:app": ["app_use"]},
        channel_limits={"direct_marketing:app": ["chat", "in_app"]},
        access={"bank-b": Grant("r-3", "customer-events:3:16:0", 26, 27)},
        touched={"cash@1": 20_000},
    )
