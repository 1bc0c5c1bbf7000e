"""Everything that the console shows, fed with messages: no broker, no clock, no terminal in here.

`Tally.sent` hears of each event produced, `Tally.take` of each record on an output topic. Times that end in
``_ms`` are milliseconds since 1970; ``wall`` is the real clock, all others are simulated.
"""

from collections import Counter, OrderedDict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas import topics
from schemas.decisions import SILENCE
from scripts.console.acceptance import Acceptance, Judged, Said, arm_of
from scripts.console.ahead import line

WARNING = "shortfall.ahead"
"""The insight that is drawn."""

LATEST = 24
LATENCIES = 4_000
PENDING_MAX = 50_000
"""Events whose decision may still come, for the latency; the oldest are forgotten."""
RATE_SPAN_MS = 5_000
MINOR_PER_EUR = 100
CAUSE = "__connect.errors.exception.class.name"


@dataclass(slots=True, frozen=True)
class Header:
    """What stays the same through a run; ``answering`` is False where nobody can take anything up."""

    broker: str
    world: str
    seed: str
    customers: int
    answering: bool = True


@dataclass(slots=True, frozen=True)
class Shown:
    """One line of the table of offers."""

    customer: str
    title: str
    reason: str
    propensity: float
    arm: str
    kind: str


@dataclass(slots=True, frozen=True)
class Foretold:
    """A warning drawn as a line, and the title of what followed, if anything has."""

    customer: str
    drawn: str
    answer: str = ""


@dataclass(slots=True)
class Rate:
    """Counts over the last seconds of the real clock."""

    total: int = 0
    marks: deque[tuple[int, int]] = field(default_factory=deque)

    def add(self, wall_ms: int) -> None:
        """One more."""
        self.total += 1
        if not self.marks or wall_ms > self.marks[-1][0] + 100:
            self.marks.append((wall_ms, self.total - 1))
        while len(self.marks) > 1 and self.marks[0][0] < wall_ms - RATE_SPAN_MS:
            self.marks.popleft()

    def per_s(self, wall_ms: int) -> float:
        """Per second, over the span."""
        recent = [mark for mark in self.marks if mark[0] >= wall_ms - RATE_SPAN_MS]
        if not recent:
            return 0.0
        return (self.total - recent[0][1]) / max((wall_ms - recent[0][0]) / 1000, 0.5)


@dataclass(slots=True)
class Tally:
    """The figures of a run. ``now_ms`` is the simulated time, ``wall_ms`` the real one, both as last told."""

    header: Header
    began_wall_ms: int = 0
    wall_ms: int = 0
    began_ms: int = 0
    now_ms: int = 0
    events: Rate = field(default_factory=Rate)
    decisions: Rate = field(default_factory=Rate)
    offers: int = 0
    interventions: int = 0
    silences: int = 0
    recalls: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    dead: Counter[str] = field(default_factory=Counter)
    withheld: Counter[str] = field(default_factory=Counter)
    degraded: Counter[str] = field(default_factory=Counter)
    latest: deque[Shown] = field(default_factory=lambda: deque(maxlen=LATEST))
    insights: deque[tuple[str, str]] = field(default_factory=lambda: deque(maxlen=LATEST))
    insight_count: int = 0
    foretold: Foretold | None = None
    """The newest warning, and what followed it: one that was answered stays until another is."""
    acceptance: Acceptance = field(default_factory=Acceptance)
    latencies_ms: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES))
    uplift: dict[str, Any] | None = None
    models: dict[str, tuple[int, int]] = field(default_factory=dict)
    lag: int = 0
    _warned: dict[str, str] = field(default_factory=dict)
    _produced: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _decided: set[str] = field(default_factory=set)
    _issued: set[str] = field(default_factory=set)
    _completed: set[str] = field(default_factory=set)

    def sent(self, event: Mapping[str, Any], *, at_ms: int, wall_ms: int) -> None:
        """An event was put on its topic."""
        self.events.add(wall_ms)
        self.now_ms = max(self.now_ms, at_ms)
        if event.get("kind") == "feedback.received":
            self.answers[str(event.get("outcome"))] += 1
        self._produced.setdefault(str(event.get("event_id")), wall_ms)
        if len(self._produced) > PENDING_MAX:
            self._produced.popitem(last=False)

    def judge(self, judged: Judged) -> None:
        """The town tells the truth about a decision, which only the console sees."""
        self.acceptance.judged.append(judged)

    def take(
        self,
        topic: str,
        body: Mapping[str, Any],
        *,
        headers: Mapping[str, bytes] | None = None,
        timestamp_ms: int = 0,
    ) -> None:
        """A record on an output topic; ``timestamp_ms`` is the log's, by the real clock."""
        if topic == topics.OFFERS:
            self._offer(body)
        elif topic == topics.DECISIONS:
            self._decision(body, timestamp_ms)
        elif topic == topics.IMPACT:
            self._impact(body)
        elif topic == topics.INSIGHTS:
            self.insight_count += 1
            self._insight(body)
        elif topic == topics.MODELS:
            held = body.get("body", {})
            self.models[str(body.get("kind"))] = (
                int(body.get("version", 0)),
                int(held.get("lessons", 0)) if isinstance(held, Mapping) else 0,
            )
        elif topic == topics.DEAD_LETTERS:
            self.dead[(headers or {}).get(CAUSE, b"unknown").decode()] += 1

    def latency(self, share: float) -> float | None:
        """A percentile of the milliseconds from producing an event to the decision on the log."""
        if not self.latencies_ms:
            return None
        ordered = sorted(self.latencies_ms)
        return ordered[min(int(share * len(ordered)), len(ordered) - 1)]

    def speed(self) -> float:
        """Simulated time per real time."""
        real_ms = self.wall_ms - self.began_wall_ms
        return (self.now_ms - self.began_ms) / real_ms if real_ms > 0 else 0.0

    def _insight(self, body: Mapping[str, Any]) -> None:
        customer, words = str(body.get("customer")), str(body.get("words"))
        self.insights.appendleft((customer, words))
        evidence = body.get("evidence")
        if body.get("type") == WARNING and isinstance(evidence, Mapping):
            drawn = line(evidence)
            self._warned[customer] = drawn
            if drawn and (self.foretold is None or not self.foretold.answer):
                self.foretold = Foretold(customer, drawn)

    def _offer(self, body: Mapping[str, Any]) -> None:
        kind = str(body.get("type"))
        if kind == "offer.recalled":
            self.recalls += 1
            return
        decision_id = str(body.get("decision_id"))
        if decision_id in self._issued:
            return
        self._issued.add(decision_id)
        if kind == "intervention.issued":
            self.interventions += 1
        else:
            self.offers += 1
        title = str(body.get("title"))
        drawn = self._warned.pop(str(body.get("customer")), "")
        if drawn and kind == "intervention.issued":
            self.foretold = Foretold(str(body.get("customer")), drawn, title)
        self.latest.appendleft(
            Shown(
                customer=str(body.get("customer")),
                title=title,
                # The column beside it has the title already.
                reason=str(body.get("reason")).removeprefix(f"We suggest «{title}». "),
                propensity=float(body.get("propensity") or 0.0),
                arm=arm_of(str(body.get("arm"))),
                kind=str(body.get("kind")),
            )
        )

    def _decision(self, body: Mapping[str, Any], timestamp_ms: int) -> None:
        self.decisions.add(max(timestamp_ms, self.wall_ms))
        if body.get("chosen") == SILENCE:
            self.silences += 1
        self._moment(body)
        self.degraded.update(map(str, body.get("degraded", ())))
        trigger = body.get("trigger", {})
        produced_ms = self._produced.get(str(trigger.get("id")))
        # A tick and a message in chat carry other times; only events that we sent can be timed.
        if produced_ms is not None and timestamp_ms >= produced_ms:
            self.latencies_ms.append(timestamp_ms - produced_ms)

    def _moment(self, body: Mapping[str, Any]) -> None:
        """Count a decision in which something could have been said, and what was."""
        allowed = allowed_in(body)
        decision_id, customer = str(body.get("decision_id")), str(body.get("customer"))
        if not allowed or decision_id in self._decided:
            return
        self._decided.add(decision_id)
        arm = arm_of(str(body.get("arm")))
        self.acceptance.moment(arm, customer)
        row = allowed.get(str(body.get("chosen")))
        if row is None:
            return
        minor = int(row.get("value_customer", 0)) + int(row.get("value_bank", 0))
        said = Said(arm, customer, str(row["action"]), minor / MINOR_PER_EUR)
        self.acceptance.tell(decision_id, said)
        if decision_id in self._completed:
            self._completed.remove(decision_id)
            self.acceptance.take(decision_id)

    def _impact(self, body: Mapping[str, Any]) -> None:
        if body.get("type") == "uplift":
            self.uplift = dict(body)
        elif body.get("type") == "feedback" and body.get("outcome") == "completed":
            decision_id = str(body.get("decision_id"))
            if not self.acceptance.take(decision_id):
                # Topics have no common order: the decision may still come.
                self._completed.add(decision_id)


def allowed_in(decision: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The rows of what a decision could have said, by action; silence apart."""
    return {
        str(row["action"]): row
        for row in decision.get("candidates", ())
        if row.get("stage_reached") == "arbitrate" and row["action"] != SILENCE
    }
