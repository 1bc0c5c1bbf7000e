"""What each record of the log may use: one check a kind of record, each yielding (kind, words)."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from operators.arbitrate import CONTEXT_NAMES
from operators.features import SPECS
from schemas import topics
from schemas.events import KINDS
from scripts.auditing.book import PURPOSES, Book, ms
from scripts.auditing.steps import Step

Flaws = Iterator[tuple[str, str]]
Body = Mapping[str, Any]
SOURCE_OF: dict[str, str] = {spec.name: spec.source.value for spec in SPECS}
SOURCES_OF: dict[str, frozenset[str]] = {
    spec.name: frozenset(source.value for source in spec.sources) for spec in SPECS
}
"""The declared lineage of every feature."""
PURPOSE_OF: dict[str, str | None] = {
    "offer": "direct_marketing",
    "intervention": "financial_wellbeing",
    "feature": "service_personalisation",
    "consent_ask": None,
}
"""What a sort of message uses data for."""
SERVED: tuple[str, ...] = tuple(p for p in PURPOSES if p != "model_training")
COORDINATE = re.compile(rb'"(?:latitude|longitude|lat|lon)"\s*:')
TEXT_MIN = 12
"""A shorter text may stand in an output by chance."""


def trigger(book: Book, step: Step) -> Flaws:
    """No decision may follow from data that no purpose may use."""
    event = step.event
    shape = KINDS.get(str(event.get("kind"))) if event is not None else None
    if event is None or shape is None or shape.source == "control":
        return
    source = shape.source.value
    if not any(source in book.standing(purpose, step.at_ms) for purpose in PURPOSES):
        yield "use-of-withheld", f"a decision followed from {source}, which no consent covers"
    if source == "open_banking" and not book.readable(event["institution"], step.at_ms):
        yield "use-of-withheld", "a decision followed from an institution that is closed to us"


def vector(book: Book, decision: Body) -> Flaws:
    """Each consent that a decision names stands, and each source that it used is named."""
    now_ms = ms(decision["decided_at"])
    named: set[str] = set()
    if set(decision["consent_vector"]) != set(decision["purposes_used"]):
        yield "unproven-use", "the purposes used and those with a proof differ"
    for purpose, by_source in decision["consent_vector"].items():
        standing = book.standing(purpose, now_ms)
        named.update(by_source)
        for source, proof in by_source.items():
            if source not in standing:
                yield "use-after-end", f"{purpose} used {source}, for which no consent stood"
            elif proof != book.proof(purpose, source):
                yield "wrong-proof", f"{purpose} on {source} names {proof}"
    for source in decision["sources_used"]:
        if source not in named:
            yield "unproven-use", f"{source} was used and no consent is named for it"


def lineage(book: Book, decision: Body, said: Body | None) -> Flaws:
    """No feature of a source that does not stand: neither logged, nor in the score of what was chosen."""
    now_ms = ms(decision["decided_at"])
    standing = {
        purpose: book.standing(purpose, now_ms).intersection(named)
        for purpose, named in decision["consent_vector"].items()
    }
    readable = frozenset[str]().union(*standing.values())
    for name in decision["features"]:
        if not SOURCES_OF.get(name, frozenset({""})) <= readable:
            yield "derived-feature", f"{name} derives from what no consent covers"
    context = decision["context"]
    if len(context) != len(CONTEXT_NAMES):
        return
    if decision["chosen"] == "silence":
        seen = frozenset.intersection(*standing.values()) if standing else frozenset()
    else:
        purpose = PURPOSE_OF.get(said["kind"]) if said is not None else None
        seen = standing.get(purpose, frozenset()) if purpose is not None else frozenset()
    for name, value in zip(CONTEXT_NAMES, context, strict=True):
        if value and name != "const" and SOURCE_OF.get(name, "") not in seen:
            yield "derived-feature", f"the choice was scored with {name}"


def offer(book: Book, decision: Body, said: Body) -> Flaws:
    """What is said serves a purpose that stands, on a channel that was agreed to."""
    purpose, now_ms = PURPOSE_OF.get(said["kind"], ""), ms(decision["decided_at"])
    if purpose is None:
        return
    if not book.standing(purpose, now_ms):
        yield "purpose-not-granted", f"{said['kind']} {said['action']} without consent to {purpose}"
    elif purpose not in decision["purposes_used"]:
        yield "unproven-use", f"{said['action']} serves {purpose}, which is not among those used"
    if not book.reachable(purpose, said["channel"], now_ms):
        yield "channel-not-granted", f"{said['action']} came by {said['channel']}"


def insights(book: Book, step: Step) -> Flaws:
    """What is noticed and published serves the customer's wellbeing, on sources agreed to for it."""
    for body in step.of(topics.INSIGHTS):
        standing = book.standing("financial_wellbeing", ms_of(body, step))
        for source in body["sources"]:
            if source not in standing:
                yield "insight", f"{body['type']} rests on {source}"


def ms_of(body: Body, step: Step) -> int:
    """When a record says that it was made; by default the step's instant."""
    return int(body.get("at_ms", step.at_ms))


def lesson(book: Book, step: Step, taught: Body, decisions: Mapping[str, frozenset[str]]) -> Flaws:
    """A lesson rests only on what training may use, then and now."""
    if taught["kind"] == "holdings" and not taught["holdings"] and taught["holdings_before"]:
        return  # takes back what was counted
    standing = book.standing("model_training", step.at_ms)
    rests_on = set(taught["sources"]) | decisions.get(taught["decision_id"], frozenset())
    if not rests_on:
        yield "lesson", f"a lesson of {taught['kind']} names no source"
    for source in sorted(rests_on - standing):
        yield "lesson", f"a lesson of {taught['kind']} rests on {source}"
    for name, value in zip(CONTEXT_NAMES, taught["context"], strict=False):
        if value and name != "const" and SOURCE_OF.get(name, "") not in standing:
            yield "lesson", f"a lesson was taught with {name}"


def entry(decision: Body, told: Body | None) -> Flaws:
    """The customer was told of each decision what its record says."""
    if told is None:
        yield "missing-entry", "the customer was not told of this decision"
        return
    same = (
        ("sources", "sources_used"),
        ("purposes", "purposes_used"),
        ("consents", "consent_vector"),
        ("effect", "chosen"),
    )
    for theirs, ours in same:
        if told[theirs] != decision[ours]:
            yield "entry-differs", f"the customer was told other {theirs} than {ours}"
    if not told.get("words"):
        yield "entry-differs", "the customer was told nothing in words"


def leaks(step: Step) -> Flaws:
    """No coordinate, and no text that a customer wrote, is in any output."""
    text = str((step.event or {}).get("text", "")).encode()
    for raw in step.raw:
        if COORDINATE.search(raw):
            yield "coordinate", "an output holds a coordinate"
        if len(text) >= TEXT_MIN and text in raw:
            yield "text", "an output holds what the customer wrote"
