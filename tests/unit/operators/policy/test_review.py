"""Review: high stakes wait for the board, and the board can stop anything."""

from operators.policy.review import BoardApproval
from tests.moments import candidate, item, situation

POLICY = BoardApproval()
HIGH = item(id="mortgage", high_stakes=True)


def test_high_stakes_wait_for_approval() -> None:
    """Without a verdict, or with an unknown one, it waits; approved, it goes out."""
    assert POLICY.judge(candidate(HIGH), situation()).rule == "review.pending"
    odd = situation(verdicts={"mortgage": "perhaps"})
    assert POLICY.judge(candidate(HIGH), odd).rule == "review.pending"
    assert POLICY.judge(candidate(HIGH), situation(verdicts={"mortgage": "approved"})).allowed


def test_the_board_can_stop_anything() -> None:
    """A rejection refuses high and normal stakes alike; normal stakes need no verdict."""
    rejected = situation(verdicts={"mortgage": "rejected", "some_offer": "rejected"})
    assert POLICY.judge(candidate(HIGH), rejected).rule == "review.rejected"
    assert POLICY.judge(candidate(item()), rejected).rule == "review.rejected"
    assert POLICY.judge(candidate(item()), situation()).allowed
