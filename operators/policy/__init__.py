"""The rules that may refuse a candidate, and the screen that applies them all.

Stage: 5 of 8. In: candidates, situation. Out: Screened, one a candidate.

All policies must allow, so the order never changes what is allowed: it only chooses whose words the
customer hears, the most fundamental first. A policy that fails denies.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

from operators.contracts import Policy, Situation
from operators.policy.budget import Budget
from operators.policy.consent import ConsentStands
from operators.policy.contact import ContactCaps
from operators.policy.eligibility import ProductTerms
from operators.policy.review import PENDING, BoardApproval
from operators.policy.suitability import InTheirInterest
from operators.policy.vulnerability import VulnerabilityBrake, braked
from schemas.decisions import Candidate, Screened, Verdict

__all__ = [
    "FAILED",
    "POLICIES",
    "UNSEEING",
    "StandingPolicy",
    "braked",
    "screen",
    "standing_rules",
]

FAILED = ".failed"
"""The end of the rule of a refusal by a policy that raised: ``<name>.failed``."""
FAILED_WORDS = "We could not check whether this is right for you, so we leave it."


class StandingPolicy(Policy, Protocol):
    """A policy that declares every refusal it can give: rule → Verdict.

    ``looks`` is whether it looks at features, forecasts or signals. One that does not judges by consents, contract
    and contacts alone, so that its refusal stands whatever sources are left out.
    """

    looks: bool

    @property
    def refusals(self) -> Mapping[str, Verdict]:
        """All refusals by rule code, ``<name>.<cause>``."""
        ...


POLICIES: tuple[StandingPolicy, ...] = (
    ConsentStands(),
    VulnerabilityBrake(),
    InTheirInterest(),
    ProductTerms(),
    ContactCaps(),
    Budget(),
    BoardApproval(),
)
"""In the order of whose words are heard. The board stands last: it sees what nothing else refuses."""

UNSEEING: frozenset[str] = frozenset(policy.name for policy in POLICIES if not policy.looks)
"""The names of the policies whose refusals stand without any source."""


def screen(
    candidates: Iterable[Candidate],
    situation: Situation,
    *,
    policies: Sequence[Policy] = POLICIES,
) -> tuple[Screened, ...]:
    """Judge every candidate by every policy until one refuses.

    Args:
        candidates: What was proposed, in any order.
        situation: What the policies may look at.
        policies: All must allow.

    Returns:
        One `Screened` a candidate, in the order given. ``review`` is set when all that is missing is the
        verdict of the review board.
    """
    screened = []
    for candidate in candidates:
        refusal = _first_refusal(candidate, situation, policies)
        review = refusal is not None and refusal.rule == PENDING
        screened.append(Screened(candidate, refusal, review=review))
    return tuple(screened)


def _first_refusal(
    candidate: Candidate, situation: Situation, policies: Sequence[Policy]
) -> Verdict | None:
    for policy in policies:
        try:
            verdict = policy.judge(candidate, situation)
        except Exception:  # noqa: BLE001 - whatever is wrong with a policy, it must not let through
            return Verdict(allowed=False, rule=f"{policy.name}{FAILED}", words=FAILED_WORDS)
        if not verdict.allowed:
            return verdict
    return None


def standing_rules(policies: Sequence[StandingPolicy] = POLICIES) -> list[dict[str, Any]]:
    """Every rule that stands, for people and for the digest of the policies: JSON-able.

    Example:
        >>> [policy["name"] for policy in standing_rules()][:2]
        ['consent', 'vulnerability']
    """
    return [
        {
            "name": policy.name,
            "source": policy.source,
            "rules": {rule: refusal.words for rule, refusal in policy.refusals.items()},
        }
        for policy in policies
    ]
