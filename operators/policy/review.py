"""Holds back high-stakes items until the review board has approved them.

Stage: 5 of 8. In: candidate, situation. Out: Verdict.
"""

from collections.abc import Mapping

from operators.contracts import Situation
from schemas.decisions import Candidate, Verdict

ALLOWED = Verdict(allowed=True)
PENDING = "review.pending"
APPROVED = "approved"
REJECTED = "rejected"

REFUSALS: dict[str, Verdict] = {
    rule: Verdict(allowed=False, rule=rule, words=words)
    for rule, words in {
        PENDING: "People at the bank have to approve this before we may suggest it to anyone.",
        "review.rejected": "People at the bank decided that we should not suggest this.",
    }.items()
}


class BoardApproval:
    """A high-stakes item needs a standing approval; a rejection stops any item, as a kill switch.

    It stands last, so that the board sees only cases that nothing else refuses.

    Source: GDPR article 22(3); Regulation (EU) 2024/1689 article 14 (human oversight).
    """

    name: str = "review"
    source: str = "GDPR article 22(3); Regulation (EU) 2024/1689 article 14"
    refusals: Mapping[str, Verdict] = REFUSALS
    looks: bool = False

    def judge(self, candidate: Candidate, situation: Situation) -> Verdict:
        """Allowed if the board approved the item, or the stakes are normal and it was not rejected.

        Args:
            candidate: What is proposed.
            situation: The verdicts of the board by item id, in ``models.verdicts``.
        """
        verdict = situation.models.verdicts.get(candidate.item.id)
        if verdict == REJECTED:
            return REFUSALS["review.rejected"]
        if candidate.item.high_stakes and verdict != APPROVED:
            return REFUSALS[PENDING]
        return ALLOWED
