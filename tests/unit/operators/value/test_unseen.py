import numpy as np

from operators.bandits.ridge import Levers
from operators.value.unseen import Unseen
from schemas.decisions import Lesson

LEVERS = Levers(ridge=1.0, ridge_main=1.0, ridge_offset=1.0, prior=())
NAMES = ("const", "age"), ("bias", "credit")


def matured(*, late: float) -> Unseen:
    """Loans bring ``late`` more for each unit of age than their signs had shown; the rest is noise."""
    generator = np.random.default_rng(4)
    unseen = Unseen(*NAMES, actions=("loan", "pot"), levers=LEVERS)
    for number in range(2000):
        age, loan = float(generator.normal()), number % 2
        left_over = late * age * loan + float(generator.normal())
        features = (1.0, float(loan))
        action = "loan" if loan else "pot"
        unseen.mature(
            Lesson(
                f"l{number}",
                "reward",
                "",
                0,
                "",
                action,
                context=(1.0, age),
                action_features=features,
                label=left_over,
            )
        )
    unseen.refresh(1)
    return unseen


def expected(unseen: Unseen, action: str) -> float:
    """What is added to the label of a decision for somebody of age 2."""
    features = np.array([[1.0, float(action == "loan")]])
    return float(unseen.expect(np.array([[1.0, 2.0]]), features, [action])[0])


def test_a_late_effect_is_expected_where_it_will_come() -> None:
    """Of the action that has it, for whom it comes, and of no other."""
    unseen = matured(late=1.5)
    assert abs(expected(unseen, "loan") - 3.0) < 0.3
    assert abs(expected(unseen, "pot")) < 0.3


def test_a_valid_surrogate_is_left_alone() -> None:
    """Noise is no effect, and before anything matured nothing is added."""
    assert abs(expected(matured(late=0.0), "loan")) < 0.2
    assert expected(Unseen(*NAMES, levers=LEVERS), "new") == 0.0
