"""What one customer agreed to at any moment, worked out anew from the raw consent events alone.

Written apart from the product on purpose, and from the promises rather than from its code: the newest word
on a pair of purpose and source counts; a withdrawal beats every older grant, whichever arrives first; an
objection closes its purposes whatever was granted; what has ended is ended from that instant on.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from schemas.base import DATA_SOURCES, Purpose
from schemas.consents import CATEGORIES

Pair = tuple[str, str]
Event = Mapping[str, Any]
SOURCES: tuple[str, ...] = tuple(source.value for source in DATA_SOURCES)
PURPOSES: tuple[str, ...] = tuple(purpose.value for purpose in Purpose)
ALL_OF: dict[str, frozenset[str]] = {
    source.value: frozenset(category.value for category in CATEGORIES[source])
    for source in DATA_SOURCES
}
CLOSED_BY: dict[str, frozenset[str]] = {
    "marketing": frozenset({"direct_marketing"}),
    "profiling": frozenset({"direct_marketing", "service_personalisation"}),
}
"""What an objection closes."""


def ms(instant: str) -> int:
    """RFC 3339 to milliseconds since 1970 UTC."""
    return round(datetime.fromisoformat(instant).timestamp() * 1000)


@dataclass(slots=True, frozen=True)
class Word:
    """One grant as it was given, for one source; ``proof`` is what a decision must name."""

    proof: str
    from_ms: int
    until_ms: int | None
    categories: frozenset[str]
    channels: frozenset[str]
    special: tuple[str, ...] = ()

    def repeats(self, before: "Word | None") -> bool:
        """Whether it is older than the word that stands, or says the same under the same record."""
        if before is None:
            return False
        record = self.proof.partition("@")[0]
        same = replace(self, proof=before.proof) == before
        return self.from_ms < before.from_ms or (same and record == before.proof.partition("@")[0])

    def holds(self, now_ms: int) -> bool:
        """Whether it has begun and not ended."""
        return self.from_ms <= now_ms and (self.until_ms is None or now_ms < self.until_ms)


@dataclass(slots=True)
class Book:
    """One customer's words, in log order."""

    words: dict[Pair, Word] = field(default_factory=dict)
    taken_back: dict[Pair, int] = field(default_factory=dict)
    objections: set[str] = field(default_factory=set)
    access: dict[str, tuple[int, int]] = field(default_factory=dict)
    heard: set[str] = field(default_factory=set)

    def hear(self, event: Event, *, position: str) -> set[Pair]:
        """Take one control event in; returns the pairs that it closed."""
        if event["event_id"] in self.heard:
            return set()
        self.heard.add(event["event_id"])
        at_ms = ms(event["at"])
        match event["kind"]:
            case "consent.granted":
                return self._granted(event, at_ms, position)
            case "consent.withdrawn":
                purposes = [event["purpose"]] if event.get("purpose") else PURPOSES
                pairs = {(p, s) for p in purposes for s in event.get("sources") or SOURCES}
                for pair in pairs:
                    self.taken_back[pair] = max(at_ms, self.taken_back.get(pair, at_ms))
                return {pair for pair in pairs if self.words.pop(pair, None)}
            case "consent.access_granted":
                if at_ms >= self.access.get(event["institution"], (at_ms, 0))[0]:
                    self.access[event["institution"]] = (at_ms, ms(event["valid_until"]))
            case "consent.access_withdrawn":
                self.access[event["institution"]] = (at_ms, at_ms)
                return {pair for pair in self.words if pair[1] == "open_banking"}
            case "objection.raised":
                before = self._closed()
                self.objections.add(event["scope"])
                return {pair for pair in self.words if pair[0] in self._closed() - before}
            case "objection.lifted":
                self.objections.discard(event["scope"])
        return set()

    def expire(self, now_ms: int) -> set[Pair]:
        """Let go of what has ended by an instant; returns the pairs."""
        over = {p for p, w in self.words.items() if w.until_ms is not None and w.until_ms <= now_ms}
        for pair in over:
            del self.words[pair]
        for institution, (from_ms, until_ms) in list(self.access.items()):
            if from_ms < until_ms <= now_ms:
                self.access[institution] = (until_ms, until_ms)
                over |= {pair for pair in self.words if pair[1] == "open_banking"}
        return over

    def standing(self, purpose: str, now_ms: int) -> frozenset[str]:
        """The sources that a purpose may use at an instant."""
        if purpose in self._closed():
            return frozenset()
        return frozenset(
            source
            for (p, source), word in self.words.items()
            if p == purpose and word.holds(now_ms) and word.categories >= self._let_in(source)
        )

    def proof(self, purpose: str, source: str) -> str:
        """What a decision must name for a pair; empty if nothing stands."""
        word = self.words.get((purpose, source))
        return "" if word is None else word.proof

    def reachable(self, purpose: str, channel: str, now_ms: int) -> bool:
        """Whether every word that the purpose stands on lets it use a channel."""
        return all(
            not word.channels or channel in word.channels
            for (p, _), word in self.words.items()
            if p == purpose and word.holds(now_ms)
        )

    def readable(self, institution: str, now_ms: int) -> bool:
        """Whether accounts at an institution may be read."""
        from_ms, until_ms = self.access.get(institution, (now_ms, now_ms + 1))
        return from_ms <= now_ms < until_ms

    def _granted(self, event: Event, at_ms: int, position: str) -> set[Pair]:
        until_ms = ms(event["valid_until"]) if event.get("valid_until") else None
        if "control" in event["sources"] or (until_ms is not None and until_ms <= at_ms):
            return set()
        limits = frozenset(event.get("categories") or ())
        for source in event["sources"]:
            pair = (event["purpose"], source)
            if at_ms <= self.taken_back.get(pair, at_ms - 1):
                continue
            word = Word(
                proof=f"{event['record_id']}@{position}",
                from_ms=at_ms,
                until_ms=until_ms,
                categories=limits & ALL_OF[source] or ALL_OF[source],
                channels=frozenset(event.get("channels") or ()),
                special=tuple(event.get("special_categories") or ()),
            )
            if not word.repeats(self.words.get(pair)):
                self.words[pair] = word
        return set()

    def _closed(self) -> frozenset[str]:
        return frozenset[str]().union(*(CLOSED_BY[scope] for scope in self.objections))

    def _let_in(self, source: str) -> frozenset[str]:
        closed = self._closed()
        return frozenset[str]().union(
            *(w.categories for (p, s), w in self.words.items() if s == source and p not in closed)
        )
