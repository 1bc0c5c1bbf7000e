from operators.bandits.evenly import Evenly
from schemas.models import Models
from schemas.rules import Rules
from tests import alternatives as cases


def test_everything_allowed_is_as_likely() -> None:
    """Each of three alternatives has a third, silence included."""
    choice = Evenly().choose(cases.pot_or_loan(0.0), models=Models(), rules=Rules())
    assert [scored.propensity for scored in choice.scored] == [1 / 3] * 3
    assert (choice.arm, choice.model) == ("control", "evenly")


def test_models_have_no_influence() -> None:
    """The base of comparison must not learn."""
    offered = cases.pot_or_loan(1.5)
    taught = Models(committee=cases.snapshot())
    assert Evenly().choose(offered, models=taught, rules=Rules()) == Evenly().choose(
        offered, models=Models(), rules=Rules()
    )


def test_without_exploring_the_fixed_order_serves() -> None:
    """A customer who must not be experimented on is not drawn for."""
    offered = cases.pot_or_loan(0.0, explore=False)
    choice = Evenly().choose(offered, models=Models(), rules=Rules())
    assert (choice.model, choice.propensity) == ("fallback", 1.0)
