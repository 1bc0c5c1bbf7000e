"""Laws of consent: whatever is granted, limited, withdrawn, objected to and ended, nothing leaks."""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Any

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.outputs import messages
from operators.arbitrate import context_of
from operators.decide import decide
from operators.features import SPECS
from operators.offers import Interests
from schemas import topics
from schemas.base import DATA_SOURCES, Channel, Purpose, Source
from schemas.consents import CATEGORIES
from schemas.customer import Customer
from schemas.decisions import Outcome
from schemas.events import EventBase
from scripts.auditing.checker import Checker
from scripts.auditing.steps import Step
from tests.strategies import CUSTOMER, GRANT_ALL, START, event, lives
from tests.worlds import shipped

SOURCE_OF = {spec.name: spec.source for spec in SPECS}
WRITTEN = "my number is kept between us and nobody else"
_ends = st.none() | st.integers(1, 12)
_grants = st.builds(
    lambda purpose, sources, days, limited, channels, index: {
        "kind": "consent.granted",
        "record_id": f"r-{purpose.value}-{index}",
        "purpose": purpose.value,
        "sources": [source.value for source in sources],
        "categories": [min(CATEGORIES[source]).value for source in sources] if limited else [],
        "channels": [channel.value for channel in channels],
        "ends_days": days,
    },
    st.sampled_from(list(Purpose)),
    st.lists(st.sampled_from(DATA_SOURCES), min_size=1, max_size=7, unique=True),
    _ends,
    st.booleans(),
    st.lists(st.sampled_from(Channel), max_size=2, unique=True),
    st.integers(0, 5),
)
_words = st.one_of(
    _grants,
    _grants,
    st.builds(
        lambda purpose, sources: {
            "kind": "consent.withdrawn",
            "purpose": purpose and purpose.value,
            "sources": [source.value for source in sources],
        },
        st.none() | st.sampled_from(list(Purpose)),
        st.lists(st.sampled_from(DATA_SOURCES), max_size=3, unique=True),
    ),
    st.sampled_from(["marketing", "profiling"]).map(
        lambda scope: {"kind": "objection.raised", "scope": scope}
    ),
    st.sampled_from(["marketing", "profiling"]).map(
        lambda scope: {"kind": "objection.lifted", "scope": scope}
    ),
    st.just({"kind": "consent.access_withdrawn", "institution": "bank-b"}),
    st.just({"kind": "erasure.requested"}),
    st.just({"kind": "message.received", "channel": "chat", "text": WRITTEN}),
    st.just({"kind": "app.opened"}),
)


@st.composite
def dialogues(draw: st.DrawFn) -> list[EventBase]:
    """A life with a word on consent after every few events, from all to nothing and back."""
    life = draw(lives(control=False, max_size=25))
    bodies: list[dict[str, Any]] = [dict(body) for body in GRANT_ALL]
    for one in life:
        bodies.append(one.model_dump(mode="json", exclude={"event_id", "customer", "at"}))
        if draw(st.integers(0, 2)) == 0:
            bodies.append(draw(_words))
    made, minutes = [], 0.0
    for index, body in enumerate(bodies):
        minutes += draw(st.sampled_from([0.0, 5.0, 1440.0]))
        days = body.get("ends_days")
        fields = {name: value for name, value in body.items() if name != "ends_days"}
        if days is not None:
            fields["valid_until"] = (START + timedelta(minutes=minutes, days=days)).isoformat()
        made.append(event(fields, minutes=minutes, index=index))
    return made


def step_of(one: EventBase, outcome: Outcome, position: str) -> Step:
    """What the log holds of one event, as the auditor reads it."""
    body = one.model_dump(mode="json", exclude_none=True)
    step = Step(position, body, one.at_ms)
    if outcome.rejected is not None:
        step.said.append((topics.DEAD_LETTERS, {}))
    for role, _, raw in messages(outcome):
        step.raw.append(raw)
        step.said.append((role, orjson.loads(raw)))
    return step


@settings(max_examples=60)
@given(events=dialogues())
def test_no_history_of_consent_leaks(events: list[EventBase]) -> None:
    """The auditor, who works consent out anew, finds no use: by feature, score, lesson, text or offer."""
    checker, customer = Checker(), Customer(CUSTOMER)
    for index, one in enumerate(events):
        position = f"customer-events:0:{index}:0"
        outcome = decide(customer, one, world=shipped(), position=position)
        checker.take(step_of(one, outcome, position))
        customer = outcome.customer or Customer(CUSTOMER)
    assert checker.violations == []


class Watched(Mapping[str, float]):
    """Features that remember which of them were looked at."""

    def __init__(self) -> None:
        self.seen: set[str] = set()

    def __getitem__(self, name: str) -> float:
        self.seen.add(name)
        return 2.0

    def __iter__(self) -> Iterator[str]:
        return iter(SOURCE_OF)

    def __len__(self) -> int:
        return len(SOURCE_OF)


@given(sources=st.frozensets(st.sampled_from(DATA_SOURCES)))
def test_scores_read_only_what_their_purpose_may_see(sources: frozenset[Source]) -> None:
    """Neither the context of a score nor the content of a proposal looks at a source that is not given."""
    features = Watched()
    context_of(features, sources)
    interests = Interests(features)
    for item in shipped().catalogue:
        interests.content(item, sources)
    assert {SOURCE_OF[name] for name in features.seen} <= sources
