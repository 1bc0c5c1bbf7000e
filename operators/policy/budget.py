"""Refuses what the bank has given out, for today or for good.

Stage: 5 of 8. In: candidate, situation. Out: Verdict.
"""

from collections.abc import Mapping

from operators.contracts import Situation
from schemas.decisions import Candidate, Verdict

ALLOWED = Verdict(allowed=True)
REFUSALS: dict[str, Verdict] = {
    "budget.used_up": Verdict(
        allowed=False,
        rule="budget.used_up",
        words="We can offer this to so many people only, and all places are given for now.",
    )
}


class Budget:
    """No item without a lease; which are used up is known to the shard (`operators.leases`)."""

    name: str = "budget"
    source: str = "the bank's budgets (decide.caps, decide.budgets)"
    refusals: Mapping[str, Verdict] = REFUSALS
    looks: bool = False

    def judge(self, candidate: Candidate, situation: Situation) -> Verdict:
        """Allowed while the shard's leases last, or if the item has neither cap nor budget."""
        if candidate.item.id in situation.used_up:
            return REFUSALS["budget.used_up"]
        return ALLOWED
