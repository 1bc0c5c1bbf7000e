"""The checker: takes steps of the log, and names every use that no standing consent covers."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from schemas import topics
from scripts.auditing import uses
from scripts.auditing.book import Book, Pair, ms
from scripts.auditing.steps import Step

SETTLED: frozenset[str] = frozenset({"completed", "dismissed", "muted", "complained"})
"""Answers after which nothing is outstanding any more."""
CONSENT_KINDS: tuple[str, ...] = ("consent.", "objection.")
SHOWN_MAX = 20


@dataclass(slots=True, frozen=True)
class Violation:
    """Something that no consent covers, and where."""

    kind: str
    customer: str
    position: str
    words: str


@dataclass(slots=True)
class File:
    """What the checker keeps of one customer."""

    book: Book = field(default_factory=Book)
    outstanding: dict[str, tuple[str, str, frozenset[str], int]] = field(default_factory=dict)
    """Offer id → decision id, purpose, sources, until when."""
    decisions: dict[str, frozenset[str]] = field(default_factory=dict)
    now_ms: int = 0
    taught: set[str] = field(default_factory=set)
    """Sources that lessons in the models rest on."""


class Checker:
    """Feed it every step in order; `violations` is what it found, `tally` what it looked at."""

    def __init__(self, *, verify: Callable[[dict[str, Any]], list[str]] | None = None) -> None:
        """Begin knowing nobody.

        Args:
            verify: What is wrong with a receipt, in words; None leaves the receipts' content alone.
        """
        self.violations: list[Violation] = []
        self.found: Counter[str] = Counter()
        self.tally: Counter[str] = Counter()
        self._files: dict[str, File] = {}
        self._verify = verify

    def take(self, step: Step) -> None:
        """Check one step: first what the event changes, then everything that was said after it."""
        self.tally["steps"] += 1
        who = step.customer
        if not who:
            return
        file = self._files.get(who)
        if file is None:
            file = self._files[who] = File()
        if step.refused:
            self.tally["refused"] += 1
            self._only_refused(step)
            return
        # An event that comes late is decided on at the customer's newest instant.
        step.at_ms = file.now_ms = max(file.now_ms, step.at_ms)
        closed, receipts = self._turn(file, step)
        self._recalls(file, step, closed)
        self._receipts(step, receipts)
        self._decisions(file, step)
        self._lessons(file, step, closed)
        for kind, words in uses.insights(file.book, step):
            self._note(kind, step, words)
        for kind, words in uses.leaks(step):
            self._note(kind, step, words)
        if step.event is not None and step.event.get("kind") == "erasure.requested":
            self._files[who] = File()

    def summary(self) -> dict[str, Any]:
        """What was looked at and what was found, JSON-able."""
        return {
            "violations": sum(self.found.values()),
            "by_kind": dict(sorted(self.found.items())),
            "looked_at": dict(sorted(self.tally.items())),
        }

    def _note(self, kind: str, step: Step, words: str) -> None:
        self.found[kind] += 1
        if self.found[kind] <= SHOWN_MAX:
            self.violations.append(Violation(kind, step.customer, step.position, words))

    def _only_refused(self, step: Step) -> None:
        for role, _ in step.said:
            if role not in {topics.DEAD_LETTERS, topics.TRANSPARENCY, topics.LESSONS}:
                self._note("use-of-refused", step, f"a refused event led to a record on {role}")

    def _turn(self, file: File, step: Step) -> tuple[set[Pair], set[str]]:
        """Apply the step's time and event; returns the pairs that closed, and the receipts owed."""
        owed: set[str] = set()
        expired = file.book.expire(step.at_ms)
        if expired:
            owed.add("expired")
        closed = set(expired)
        event = step.event
        if event is not None:
            kind = str(event.get("kind", ""))
            if kind.startswith(CONSENT_KINDS) and kind != "consent.reviewed":
                self.tally["consent changes"] += 1
                if event["event_id"] not in file.book.heard:
                    owed.add("change")
                closed |= file.book.hear(event, position=step.position)
            elif kind == "feedback.received" and event.get("outcome") in SETTLED:
                for offer_id, held in list(file.outstanding.items()):
                    if held[0] == event.get("decision_id"):
                        del file.outstanding[offer_id]
            elif kind == "erasure.requested":
                closed |= set(file.book.words)
        return closed, owed

    def _recalls(self, file: File, step: Step, closed: set[Pair]) -> None:
        recalled = set()
        for offer in step.of(topics.OFFERS):
            if offer.get("type") == "offer.recalled":
                recalled.add(offer["offer_id"])
                self.tally["recalls"] += 1
        for offer_id, (_, purpose, sources, until_ms) in list(file.outstanding.items()):
            if until_ms <= step.at_ms:
                del file.outstanding[offer_id]
            elif any((purpose, source) in closed for source in sources):
                del file.outstanding[offer_id]
                if offer_id not in recalled:
                    self._note("not-recalled", step, f"offer {offer_id} stood on what ended here")
        for offer_id in recalled:
            file.outstanding.pop(offer_id, None)

    def _receipts(self, step: Step, owed: set[str]) -> None:
        given = [b for b in step.of(topics.TRANSPARENCY) if b.get("type") == "consent.receipt"]
        for receipt in given:
            self.tally["receipts"] += 1
            for words in self._verify(receipt) if self._verify else ():
                self._note("bad-receipt", step, words)
        at_end = {receipt.get("state") == "dpv:ConsentExpired" for receipt in given}
        if "expired" in owed and True not in at_end:
            self._note("missing-receipt", step, "consent ended here, and nothing says so")
        if "change" in owed and False not in at_end:
            self._note("missing-receipt", step, "a consent changed here, and nothing says so")

    def _decisions(self, file: File, step: Step) -> None:
        entries = {
            body["decision_id"]: body
            for body in step.of(topics.TRANSPARENCY)
            if body.get("type") == "decision.entry"
        }
        kinds = {o["decision_id"]: o for o in step.of(topics.OFFERS) if "issued" in o["type"]}
        for decision in step.of(topics.DECISIONS):
            self.tally["decisions"] += 1
            offer = kinds.get(decision["decision_id"])
            for kind, words in self._decision(file, step, decision, offer):
                self._note(kind, step, words)
            for kind, words in uses.entry(decision, entries.get(decision["decision_id"])):
                self._note(kind, step, words)
            file.decisions[decision["decision_id"]] = frozenset(decision["sources_used"])
            purpose = uses.PURPOSE_OF.get(offer["kind"]) if offer is not None else None
            if offer is not None and purpose is not None:
                self.tally["offers"] += 1
                basis = frozenset(decision["consent_vector"].get(purpose, {}))
                until_ms = ms(offer["valid_until"])
                file.outstanding[offer["offer_id"]] = (
                    decision["decision_id"],
                    purpose,
                    basis,
                    until_ms,
                )

    def _decision(
        self, file: File, step: Step, decision: dict[str, Any], offer: dict[str, Any] | None
    ) -> Iterator[tuple[str, str]]:
        yield from uses.trigger(file.book, step)
        yield from uses.vector(file.book, decision)
        yield from uses.lineage(file.book, decision, offer)
        if offer is not None:
            yield from uses.offer(file.book, decision, offer)

    def _lessons(self, file: File, step: Step, closed: set[Pair]) -> None:
        gone = {source for purpose, source in closed if purpose == "model_training"}
        erased = step.event is not None and step.event.get("kind") == "erasure.requested"
        forgotten = False
        for lesson in step.of(topics.LESSONS):
            if lesson["kind"] == "lever":
                continue  # a setting of the learner, about nobody
            self.tally["lessons"] += 1
            if lesson["kind"] == "forget":
                forgotten = True
                file.taught -= set(lesson["sources"] or file.taught)
                continue
            for kind, words in uses.lesson(file.book, step, lesson, file.decisions):
                self._note(kind, step, words)
            file.taught |= set(lesson["sources"])
        owed = file.taught if erased else file.taught & gone
        if owed and not forgotten:
            self._note("not-forgotten", step, f"lessons on {', '.join(sorted(owed))} stay")
