from operators.bandits.fallback import GUIDANCE_INDEX, STRENGTH_INDEX, FixedOrder
from operators.contracts import Alternatives
from operators.offers import ACTION_NAMES
from schemas.decisions import SILENCE
from schemas.models import Models
from schemas.rules import Rules


def features(*, strength: float = 0.0, guidance: float = 0.0) -> tuple[float, ...]:
    """Action features with these two set."""
    by_name = {"bias": 1.0, "strength": strength, "guidance": guidance}
    return tuple(by_name.get(name, 0.0) for name in ACTION_NAMES)


def chosen(*offered: tuple[float, ...]) -> str:
    """What the fixed order chooses among actions a, b, c… and silence."""
    names = "abcdef"[: len(offered)]
    alternatives = Alternatives(
        actions=(*names, SILENCE),
        contexts=((1.0,),) * (len(offered) + 1),
        action_features=(*offered, features()),
        key="d-1",
    )
    choice = FixedOrder().choose(alternatives, models=Models(), rules=Rules())
    assert (choice.propensity, choice.model, choice.draw) == (1.0, "fallback", 0.0)
    return choice.action


def test_the_indices_are_those_of_the_offers() -> None:
    """It reads the features that it thinks it reads."""
    assert ACTION_NAMES[STRENGTH_INDEX] == "strength"
    assert ACTION_NAMES[GUIDANCE_INDEX] == "guidance"


def test_the_strongest_signal_is_answered() -> None:
    """Strength comes first."""
    assert chosen(features(strength=0.5), features(strength=0.9)) == "b"


def test_guidance_comes_before_selling() -> None:
    """Of two answers to one signal, help wins over an offer."""
    assert chosen(features(strength=0.5), features(strength=0.5, guidance=2.0)) == "b"


def test_ties_go_to_the_first() -> None:
    """The order of the catalogue settles the rest."""
    assert chosen(features(strength=0.5), features(strength=0.5)) == "a"


def test_without_a_signal_it_keeps_silent() -> None:
    """Degrading means saying less: taste alone is not enough."""
    assert chosen(features(), features(guidance=4.0)) == SILENCE
