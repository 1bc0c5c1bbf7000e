"""The screen: all must allow, one that fails denies, and only the board's own cases reach it."""

from operators.contracts import Situation
from operators.policy import POLICIES, screen, standing_rules
from operators.policy.review import BoardApproval
from schemas.decisions import Candidate, Verdict
from schemas.errors import ComponentError
from tests.moments import candidate, credit, customer, item, situation


class Broken:
    name = "broken"
    source = "a test"

    def __init__(self, error: Exception) -> None:
        self.error = error

    def judge(self, candidate: Candidate, situation: Situation) -> Verdict:  # noqa: ARG002 - a policy
        raise self.error


def test_a_policy_that_raises_denies_and_is_named() -> None:
    """Any error denies with ``<name>.failed``, be it a declared one or a bug."""
    for error in (ComponentError("component.policy"), KeyError("cash.balance_eur")):
        (screened,) = screen([candidate(item())], situation(), policies=(Broken(error), *POLICIES))
        assert screened.refusal is not None
        assert screened.refusal.rule == "broken.failed"
        assert screened.refusal.words


def test_the_first_refusal_ends_the_screening() -> None:
    """Policies behind a refusal are not asked."""
    mute = situation(customer(grants={}))
    (screened,) = screen(
        [candidate(item())], mute, policies=(POLICIES[0], Broken(ValueError("asked")))
    )
    assert screened.refusal is not None
    assert screened.refusal.rule == "consent.purpose"


def test_order_and_number_of_candidates_are_kept() -> None:
    """One answer a candidate, in the order given."""
    proposed = [candidate(item(id=name)) for name in ("b", "a", "c")]
    assert [s.candidate.item.id for s in screen(proposed, situation())] == ["b", "a", "c"]


def test_the_board_sees_only_what_nothing_else_refuses() -> None:
    """Review is asked for when approval is all that is missing."""
    high = credit(high_stakes=True)
    (clean,) = screen([candidate(high)], situation())
    (poor,) = screen([candidate(high)], situation(shortfall=0.9))
    (approved,) = screen([candidate(high)], situation(verdicts={high.id: "approved"}))
    assert (clean.review, poor.review, approved.review) == (True, False, False)
    assert approved.refusal is None
    assert isinstance(POLICIES[-1], BoardApproval)


def test_standing_rules_tell_every_rule_with_its_source() -> None:
    """Each policy lists its rules under its own name, each with words, and where it comes from."""
    for policy in standing_rules():
        assert policy["source"]
        assert policy["rules"]
        for rule, words in policy["rules"].items():
            assert rule.startswith(f"{policy['name']}.")
            assert words.endswith(".")
