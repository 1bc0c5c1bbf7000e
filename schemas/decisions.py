"""What a `decide` makes: candidates, verdicts, the choice, the record, the explanation, lessons.

Plain slotted classes: they live inside one `decide` and leave it as JSON (orjson writes dataclasses).
What every choice makes anew is a `msgspec.Struct`: frozen too, and made in a tenth of the time.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from msgspec import Struct

from schemas.base import Channel
from schemas.customer import Customer
from schemas.errors import InputError
from schemas.offers import Item

SILENCE = "silence"
"""The action of deliberately saying nothing: always allowed, always an arm."""

WORTH = "worth"
"""The kind of a lesson of money that belongs to a customer and to no decision."""


class Candidate(Struct, frozen=True):
    """An item proposed at this moment.

    ``signal`` is the strongest live signal that it answers and may use (None: proposed by taste),
    ``words`` that signal's words, ``sources`` that signal's sources.
    ``action_features`` are what the bandit sees of it: da floats on the 2^-6 grid.
    """

    item: Item
    channel: Channel
    proposed_by: str
    action_features: tuple[float, ...]
    signal: str | None = None
    strength: float = 0.0
    words: str = ""
    sources: tuple[str, ...] = ()
    evidence: dict[str, Any] = {}


class Verdict(Struct, frozen=True):
    """One policy's answer on one candidate. A refusal names its rule and says it in words."""

    allowed: bool
    rule: str = ""
    words: str = ""


class Screened(Struct, frozen=True):
    """A candidate with the first refusal it met (None: allowed), and whether the board must see it."""

    candidate: Candidate
    refusal: Verdict | None
    review: bool = False


@dataclass(slots=True, frozen=True)
class Scored:
    """One allowed action with its score and its exact probability of being chosen."""

    action: str
    score: float
    propensity: float


@dataclass(slots=True, frozen=True)
class Rival:
    """What the challenger would have done at the same moment.

    ``propensity`` is its probability of what was chosen, so that propensity / `Choice.propensity` weighs
    the outcome for an estimate of the challenger. ``served`` is whether its choice was the one.
    """

    model: str
    policy: str
    action: str
    propensity: float
    served: bool


class Parts(Struct, frozen=True):
    """What each feature of the context adds to a score against the average customer, in their order.

    ``names``, ``values``, ``usual`` and ``adds`` are aligned.
    """

    names: Sequence[str] = ()
    values: Sequence[float] = ()
    usual: Sequence[float] = ()
    adds: Sequence[float] = ()

    def ranked(self) -> tuple[tuple[str, float, float], ...]:
        """(feature, value, contribution), largest first.

        A zero was withheld (or is exactly usual), so it adds nothing and isn't named.

        Example:
            >>> Parts(("a", "b", "c"), (1.0, 0.0, 2.0), (0.0, 0.5, 0.0), (0.25, 9.0, -0.5)).ranked()
            (('c', 2.0, -0.5), ('a', 1.0, 0.25))
        """
        told = [
            (-abs(part), name, x, part)
            for name, x, usual, part in zip(
                self.names, self.values, self.usual, self.adds, strict=True
            )
            if x not in (0.0, usual)
        ]
        told.sort()
        return tuple([(name, x, part) for _, name, x, part in told])


class Choice(Struct, frozen=True):
    """What was chosen, how, and with which exact probability.

    ``actions``, ``scores`` and ``propensities`` are aligned: all that could have been chosen.
    ``parts`` are what the features add to the chosen action's score.
    ``votes`` is the chosen action's votes out of ``voters``.
    """

    action: str
    arm: str
    propensity: float
    actions: tuple[str, ...]
    scores: Sequence[float]
    propensities: Sequence[float]
    draw: float
    model: str
    parts: Parts = Parts()
    votes: int = 0
    voters: int = 0
    rival: Rival | None = None

    @property
    def contributions(self) -> tuple[tuple[str, float, float], ...]:
        """(feature, value, contribution) of the chosen action's score, largest first; built when asked for."""
        return self.parts.ranked()

    @property
    def scored(self) -> tuple[Scored, ...]:
        """Score and propensity by action, built when asked for: a hot path doesn't ask."""
        return tuple(map(Scored, self.actions, self.scores, self.propensities))


# Once made, nothing changes these two but `Decision.seal`. To make a frozen one takes ten times as long.
@dataclass(slots=True)
class Explanation:
    """Why, why not the others, and what would change it, in plain words.

    ``worth`` is what was expected of the choice in the customer's ledger and in the bank's, and what each counts
    (`operators.value.ledgers`); None where no model said.
    """

    explanation_id: str
    decision_id: str
    audience: str
    language: str
    summary: str
    purposes: tuple[str, ...]
    sources: tuple[str, ...]
    top_factors: tuple[dict[str, Any], ...]
    why_not: tuple[dict[str, str], ...]
    counterfactual: dict[str, Any] | None
    consent_counterfactual: dict[str, Any] | None
    automated: bool
    rights: str
    template: str
    worth: dict[str, Any] | None = None


@dataclass(slots=True)
class Decision:
    """The full record of one decision, silence included (fields: contracts of the ``decisions`` topic)."""

    decision_id: str
    customer: str
    trigger: dict[str, Any]
    decided_at: str
    channel: str
    engine_version: str
    digests: dict[str, str]
    features: dict[str, float]
    features_digest: str
    context: tuple[float, ...]
    consent_vector: dict[str, dict[str, str]]
    purposes_used: tuple[str, ...]
    sources_used: tuple[str, ...]
    suppressed_purposes: tuple[str, ...]
    stakes: str
    arm: str
    candidates: tuple[dict[str, Any], ...]
    chosen: str
    propensity: float
    rng: dict[str, Any]
    vulnerability_brake: bool
    contact_state: dict[str, int]
    reward_spec: str
    personalised_notice: str
    offer: dict[str, Any] | None
    review: dict[str, Any]
    degraded: tuple[str, ...]
    explanation: Explanation
    previous_digest: str
    digest: str = ""
    latency_us: int = 0
    rival: Rival | None = None

    def seal(self, digest: str) -> None:
        """Set the digest of the rest, once and before anybody else sees it: a copy of all fields costs as much as they did.

        Raises:
            ValueError: It has one.
        """
        if self.digest:
            message = "a decision is sealed once"
            raise ValueError(message)
        self.digest = digest


@dataclass(slots=True, frozen=True)
class Lesson:
    """What the learners are told.

    ``kind`` is ``reward`` (bandit), ``worth`` (what a customer brought, of no decision), ``holdings``
    (co-holdings), ``uses`` (features of the app that are used), ``intent`` (reader), ``forecast`` (``action`` names what was foretold from ``context``,
    ``label`` is what came, ``label_before`` the probability that was said), or ``forget``: take back what this
    customer taught that rests on any of ``sources``, or everything if there are none.
    A reward lesson with ``label_before`` is a revision: the learner adds z·(label − label_before).
    ``bank`` is the bank's part of that label, or of its change; the rest is the customer's. An answer on its way is a
    lesson too, even if its label is the one before: ``outcome_before`` is what was known until then, ``seen_ms`` when this
    was seen (0 in lessons of earlier releases), ``stated`` what the item is said to bring the customer and the bank.
    """

    lesson_id: str
    kind: str
    customer: str
    at_ms: int
    decision_id: str = ""
    action: str = ""
    arm: str = ""
    propensity: float = 1.0
    model: str = ""
    context: tuple[float, ...] = ()
    action_features: tuple[float, ...] = ()
    label: float = 0.0
    label_before: float | None = None
    bank: float = 0.0
    outcome: str = ""
    outcome_before: str | None = None
    seen_ms: int = 0
    stated: tuple[float, float] = (0.0, 0.0)
    why: str | None = None
    holdings: tuple[str, ...] = ()
    holdings_before: tuple[str, ...] = ()
    embedding: tuple[float, ...] = ()
    intent: str = ""
    sources: tuple[str, ...] = ()


@dataclass(slots=True, frozen=True)
class Withheld:
    """Data that consent does not admit: neither stored nor learnt from."""

    source: str
    reason: str


@dataclass(slots=True)
class Outcome:
    """Everything that follows from one event.

    The lists hold JSON-able messages for the topics of the same name. ``customer`` is None once erased.
    ``sealed`` is the decision as JSON, made for its digest; empty where another was put in its place.
    ``rejected`` is set when the event itself can't be used (dead letter). ``withheld`` when consent kept it out.
    ``trace`` names the stages passed. Timers to set are in ``customer.timers``.
    """

    customer: Customer | None
    decision: Decision | None = None
    sealed: bytes = b""
    offers: list[dict[str, Any]] = field(default_factory=list)
    insights: list[dict[str, Any]] = field(default_factory=list)
    transparency: list[dict[str, Any]] = field(default_factory=list)
    lessons: list[Lesson] = field(default_factory=list)
    impact: list[dict[str, Any]] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(default_factory=list)
    rejected: InputError | None = None
    withheld: Withheld | None = None
    duplicate: bool = False
    trace: list[str] = field(default_factory=list)
