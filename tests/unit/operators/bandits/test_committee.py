import numpy as np
import pytest

from operators.bandits import BANDITS
from operators.bandits.committee import PosteriorCommittee
from operators.contracts import Alternatives
from operators.draws import uniform
from schemas.decisions import SILENCE
from schemas.errors import ComponentError
from schemas.models import Models
from schemas.rules import Rules
from tests import alternatives as cases

MODELS = Models(committee=cases.snapshot())


def test_it_chooses_what_paid_off() -> None:
    """Rich customers get the pot, poor ones the loan, with most votes and as «exploit»."""
    committee = PosteriorCommittee()
    for balance, best in ((1.5, "pot"), (-1.5, "loan")):
        offered = cases.pot_or_loan(balance, explore=False)
        choice = committee.choose(offered, models=MODELS, rules=Rules())
        assert (choice.action, choice.arm, choice.propensity) == (best, "exploit", 1.0)
        assert choice.votes > choice.voters * 0.9


def test_votes_are_counted_as_defined() -> None:
    """Each member votes for its own best; the vote share and the floor make the propensity."""
    snapshot = cases.snapshot()
    offered = cases.pot_or_loan(0.1)
    choice = PosteriorCommittee().choose(offered, models=MODELS, rules=Rules())
    votes = dict.fromkeys(offered.actions, 0)
    for theta in snapshot.theta:
        scores = []
        for action, x, a in zip(
            offered.actions, offered.contexts, offered.action_features, strict=True
        ):
            z = np.zeros(len(theta))
            z[:12] = np.outer(x, a).ravel()
            z[12 + snapshot.actions.index(action)] = 1.0
            scores.append(float(theta @ z))
        votes[offered.actions[int(np.argmax(scores))]] += 1
    expected = {a: 0.95 * (n / 64) + 0.05 / 3 for a, n in votes.items()}
    assert {s.action: s.propensity for s in choice.scored} == pytest.approx(expected, abs=1e-15)
    assert choice.draw == uniform("d-1", snapshot.digest)


def test_a_choice_without_most_votes_is_exploring() -> None:
    """«explore» says that another action had more votes."""
    arms = set()
    for number in range(60):
        offered = cases.pot_or_loan(0.1, key=f"d-{number}")
        choice = PosteriorCommittee().choose(offered, models=MODELS, rules=Rules())
        most = max(choice.scored, key=lambda scored: scored.propensity)
        assert (choice.arm == "exploit") == (choice.propensity == most.propensity)
        arms.add(choice.arm)
    assert arms == {"exploit", "explore"}


def test_an_unknown_action_is_scored_by_its_features() -> None:
    """A new offer with the content of the pot is judged like it, but for the pot's own offset."""
    base = cases.pot_or_loan(1.5, explore=False)
    offered = Alternatives(
        actions=("loan", "pot-2", SILENCE),
        contexts=base.contexts,
        action_features=base.action_features,
        key="d-1",
        explore=False,
    )
    choice = PosteriorCommittee().choose(offered, models=MODELS, rules=Rules())
    assert choice.action == "pot-2"


def test_ties_go_to_the_first() -> None:
    """Alternatives that are alike in everything are decided by their order."""
    twins = Alternatives(
        actions=("new-a", "new-b"),
        contexts=((1.0, 1.0, 0.0),) * 2,
        action_features=((1.0, 1.0, 0.0, 0.0),) * 2,
        key="d-1",
    )
    choice = PosteriorCommittee().choose(twins, models=MODELS, rules=Rules())
    assert [s.propensity for s in choice.scored] == pytest.approx([0.975, 0.025])


def test_contributions_are_named_and_the_largest_first() -> None:
    """The balance moved the score; the travel that was withheld is not mentioned."""
    choice = PosteriorCommittee().choose(
        cases.pot_or_loan(1.5, explore=False), models=MODELS, rules=Rules()
    )
    assert [feature for feature, _, _ in choice.contributions] == ["balance"]
    assert choice.contributions[0][1] == 1.5
    assert choice.contributions[0][2] > 1.0


@pytest.mark.parametrize(
    ("models", "offered"),
    [
        (Models(), cases.pot_or_loan(0.0)),
        (MODELS, Alternatives(("pot",), ((1.0, 0.0),), ((1.0, 0.0, 0.0, 0.0),), "d-1")),
        (MODELS, Alternatives(("pot",), ((1.0, 0.0, 0.0),), ((1.0, 0.0),), "d-1")),
    ],
    ids=["no snapshot", "other context", "other action features"],
)
def test_it_says_so_when_it_cannot_serve(models: Models, offered: Alternatives) -> None:
    """Without a fitting snapshot it raises, so that the fixed order takes over."""
    with pytest.raises(ComponentError, match=r"component\.bandit"):
        PosteriorCommittee().choose(offered, models=models, rules=Rules())


def test_a_new_snapshot_serves_at_once() -> None:
    """The layout of an old snapshot is not used for a new one."""
    committee = PosteriorCommittee()
    offered = cases.pot_or_loan(1.5)
    first = committee.choose(offered, models=MODELS, rules=Rules())
    other = Models(committee=cases.taught(20).snapshot(8))
    second = committee.choose(offered, models=other, rules=Rules())
    assert first.model != second.model
    assert committee.choose(offered, models=MODELS, rules=Rules()) == first


def test_the_registry_names_them() -> None:
    """Each bandit stands in the registry under its own name."""
    assert {name: bandit.name for name, bandit in BANDITS.items()} == {
        name: name for name in ("committee", "fixed_order", "evenly", "inverse_gap", "fair_merit")
    }
