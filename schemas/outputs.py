"""The bodies that `decide`, `learn` and `measure` put on their topics, for who reads them.

The writers build plain mappings, for speed; these shapes are what they promise. A law holds each body that a
simulated town causes against them, and the AsyncAPI document is made from them. The record of a decision and a
lesson are shapes of `schemas.decisions`.
"""

from typing import Annotated, Any, Literal

from pydantic import Field

from schemas.base import Shape
from schemas.decisions import Decision, Explanation, Lesson

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Millis = Annotated[int, Field(description="milliseconds since 1970-01-01T00:00:00Z")]
Minor = Annotated[int, Field(description="minor units of the currency")]
Names = tuple[str, ...]


class Asked(Shape):
    """The consent that an offer asks for."""

    purpose: str
    source: str


class OfferIssued(Shape):
    """Something to show to a customer now; `intervention.issued` where it protects and does not sell."""

    type: Literal["offer.issued", "intervention.issued"]
    offer_id: str
    decision_id: str
    customer: str
    action: str
    kind: str
    category: str
    product: str | None
    feature: str | None
    channel: str
    title: str
    body: str
    reason: str
    valid_until: str
    idempotency_key: str
    issued_at: str
    propensity: Probability
    arm: str
    asks: Asked | None


class OfferRecalled(Shape):
    """Take an offer back that still holds: the consent that it stood on has ended."""

    type: Literal["offer.recalled"]
    offer_id: str
    decision_id: str
    customer: str
    action: str
    channel: str
    at_ms: Millis
    reason: str
    idempotency_key: str


class Insight(Shape):
    """Something noticed in a customer's own data, in words; ``type`` names the trigger that noticed it."""

    type: Annotated[str, Field(pattern=r"^[a-z_]+(\.[a-z_]+)+$")]
    kind: str
    insight_id: str
    customer: str
    at_ms: Millis
    strength: float
    sources: Names
    words: str
    evidence: dict[str, Any]


class Use(Shape):
    """What data was used for one purpose, in words."""

    purpose: str
    words: str


class DecisionEntry(Shape):
    """What a customer is told about the use of their data in one decision."""

    type: Literal["decision.entry"]
    decision_id: str
    customer: str
    at: str
    effect: str
    title: str | None
    sources: Names
    purposes: Names
    consents: dict[str, dict[str, str]]
    uses: tuple[Use, ...]
    words: str
    explanation: Explanation


class ConsentReceipt(Shape):
    """The receipt of one change of consent; ``receipt`` is JSON-LD with the fields of ISO/IEC TS 27560, signed."""

    type: Literal["consent.receipt"]
    receipt_id: str
    customer: str
    at: str
    position: str
    event: dict[str, Any]
    began: Names
    ended: Names
    state: str
    words: str
    receipt: dict[str, Any] | None = None


class ConsentHeld(Shape):
    """One consent as it stands in an export."""

    purpose: str
    source: str
    record_id: str
    given_at: str
    since: Annotated[str, Field(alias="from")]
    until: str | None
    categories: Names
    channels: Names


class CustomerExport(Shape):
    """Everything that is held on a customer (GDPR articles 15 and 20); ``record`` can be read in again."""

    type: Literal["customer.export"]
    format: str
    customer: str
    at: str
    consents: tuple[ConsentHeld, ...]
    derived: tuple[dict[str, Any], ...]
    record: dict[str, Any]


class ErasureCertified(Shape):
    """The last that is said of a customer: what was erased, by number and not by content."""

    type: Literal["erasure.certified"]
    certificate_id: str
    customer: str
    cause: str
    words: str
    at_ms: Millis
    position: str
    erased: dict[str, int]


class LearningForgotten(Shape):
    """What the models took back after a withdrawal or an erasure, and what they could not."""

    type: Literal["learning.forgotten"]
    customer: str
    at_ms: Millis
    request: str
    sources: Names
    taken_back: int
    kept: int
    words: str


class DecisionCounted(Shape):
    """A decision, as far as impact is measured by it."""

    type: Literal["decision"]
    customer: str
    arm: str
    action: str
    decision_id: str
    at_ms: Millis
    propensity: Probability


class _Answer(Shape):
    customer: str
    arm: str | None
    action: str | None
    decision_id: str | None
    at_ms: Millis


class FeedbackCounted(_Answer):
    """An answer, its reason as far as it is believed, and why it does not count, if it does not."""

    type: Literal["feedback"]
    outcome: str
    why: str | None
    counted: bool
    note: str


class ValueRealised(_Answer):
    """Money that came of a decision, to the customer and to the bank apart."""

    type: Literal["value"]
    value_customer_minor: Minor
    value_bank_minor: Minor
    currency: str


class ProfileDisputed(_Answer):
    """The customer says that facts are wrong: the bank is asked to look at what it holds."""

    type: Literal["profile.correct"]
    sources: Names


class CustomerErased(Shape):
    """Whoever measures impact takes this customer out."""

    type: Literal["erasure"]
    customer: str
    at_ms: Millis


class UpliftReported(Shape):
    """Impact so far against the holdout and the control, with intervals; see `operators.measure`."""

    type: Literal["uplift"]
    at_ms: Millis
    alpha: float
    horizon_days: int
    customers: dict[str, int]
    matured: dict[str, int]
    value_eur: dict[str, Any]
    value_uplift_eur: dict[str, Any]
    customer_value_eur: dict[str, Any]
    customer_value_uplift_eur: dict[str, Any]
    bank_value_eur: dict[str, Any]
    bank_value_uplift_eur: dict[str, Any]
    taken_up: dict[str, Any]
    taken_up_uplift: dict[str, Any]
    acceptance: dict[str, Any]
    acceptance_uplift: dict[str, Any]
    silences: dict[str, int]
    counts: dict[str, int]


class DriftProposed(Shape):
    """A model foretells too much or too little lately; the change is a person's to make."""

    type: Literal["drift.proposed"]
    at_ms: Millis
    model: str
    detector: str
    lessons: int
    residual_eur_before: float
    residual_eur: float
    proposal: dict[str, float]
    words: str


class ReviewEvidence(Shape):
    """What the review board sees of a case."""

    signal: str | None
    strength: float
    rule: str | None
    features: dict[str, float]
    context_names: Names


class ReviewRequested(Shape):
    """A high-stakes item waits for a verdict on the topic ``verdicts``, under the item's id."""

    type: Literal["review.requested"]
    case_id: str
    item: str
    customer: str
    decision_id: str
    at: str
    evidence: ReviewEvidence


class ModelRecord(Shape):
    """A snapshot of a model, or a record of a roll-out; the newest under a key is in use."""

    format: int
    kind: str
    version: int
    sha256: str
    body: dict[str, Any]


class VerdictRecord(Shape):
    """The review board's verdict on an item, under the item's id."""

    verdict: Literal["approved", "rejected"]


BODIES: dict[str, tuple[type[Any], ...]] = {
    "offers": (OfferIssued, OfferRecalled),
    "decisions": (Decision,),
    "insights": (Insight,),
    "transparency": (
        DecisionEntry,
        ConsentReceipt,
        CustomerExport,
        ErasureCertified,
        LearningForgotten,
    ),
    "lessons": (Lesson,),
    "impact": (
        DecisionCounted,
        FeedbackCounted,
        ValueRealised,
        ProfileDisputed,
        CustomerErased,
        UpliftReported,
        DriftProposed,
    ),
    "reviews": (ReviewRequested,),
}
"""What lies on each topic that the flows write, dead letters aside: those are what came in."""
