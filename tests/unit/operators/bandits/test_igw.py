import pytest

from operators.bandits.igw import InverseGap
from schemas.errors import ComponentError
from schemas.models import Models
from schemas.rules import Rules
from tests import alternatives as cases

MODELS = Models(committee=cases.snapshot())


def test_the_probability_falls_with_the_gap() -> None:
    """The better the score, the likelier; and by the formula."""
    choice = InverseGap(gain=2.0).choose(cases.pot_or_loan(0.3), models=MODELS, rules=Rules())
    ranked = sorted(choice.scored, key=lambda scored: -scored.score)
    assert [s.propensity for s in ranked] == sorted((s.propensity for s in ranked), reverse=True)
    gain = 2.0 * 300**0.5
    gap = ranked[0].score - ranked[2].score
    assert ranked[2].propensity == pytest.approx(1 / (3 + gain * gap))


def test_a_larger_gain_explores_less() -> None:
    """The gain is the price of a gap."""
    offered = cases.pot_or_loan(0.3)
    best = [
        max(s.propensity for s in choice.scored)
        for gain in (0.0, 1.0, 100.0)
        for choice in [InverseGap(gain=gain).choose(offered, models=MODELS, rules=Rules())]
    ]
    assert best[0] == pytest.approx(1 / 3)
    assert best == sorted(best)
    assert best[2] > 0.99


def test_it_needs_a_snapshot() -> None:
    """Without the committee's mean it cannot serve."""
    with pytest.raises(ComponentError):
        InverseGap().choose(cases.pot_or_loan(0.0), models=Models(), rules=Rules())
