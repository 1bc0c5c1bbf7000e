from dataclasses import replace

from operators.policy.budget import Budget
from tests.moments import candidate, item, situation


def test_what_is_used_up_is_refused_and_nothing_else() -> None:
    """Only the item whose lease is gone is held back."""
    gone, other = item("offer", id="gone"), item("offer", id="other")
    now = replace(situation(), used_up=frozenset({"gone"}))
    assert Budget().judge(candidate(gone), now).rule == "budget.used_up"
    assert Budget().judge(candidate(other), now).allowed
