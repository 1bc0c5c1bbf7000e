import numpy as np
import pytest

from operators.propensity import Evidence, Propensity

GENERATOR = np.random.default_rng(5)
X = np.hstack((np.ones((600, 1)), GENERATOR.normal(size=(600, 2))))
Y = (GENERATOR.uniform(size=600) < 1 / (1 + np.exp(-(X @ [-1.0, 2.0, 0.0])))).astype(float)


def taught() -> Propensity:
    """A model that saw all answers, twenty at a time."""
    model = Propensity(3, half_life=1e9)
    for start in range(0, 600, 20):
        part = slice(start, start + 20)
        model.refresh(model.weigh(X[part].tolist(), Y[part].tolist()))
    return model


def test_it_finds_what_the_answers_depend_on() -> None:
    """The weight that made the answers is found, and the one that didn't stays small."""
    mean = taught().mean
    assert mean[1] > 1.2
    assert abs(mean[2]) < 0.4


def test_parts_add_up_to_the_same_bits() -> None:
    """Evidence of seven workers in another order is that of one."""
    model = taught()
    whole = model.weigh(X.tolist(), Y.tolist())
    parts = Evidence(np.zeros(3), np.zeros((3, 3)))
    for start in reversed(range(7)):
        parts.add(model.weigh(X[start::7].tolist(), Y[start::7].tolist()))
    assert parts.gradient.tobytes() == whole.gradient.tobytes()
    assert parts.curvature.tobytes() == whole.curvature.tobytes()
    assert parts.count == whole.count == 600


def test_old_answers_fade() -> None:
    """When everybody begins to say no, a model that forgets believes it sooner."""
    keeping, forgetting = Propensity(1, half_life=1e9), Propensity(1, half_life=50.0)
    for model in (keeping, forgetting):
        for answer in [1.0] * 20 + [0.0] * 20:
            model.refresh(model.weigh([[1.0]] * 10, [answer] * 5 + [0.0] * 5))
    assert forgetting.predict([[1.0]])[0] < keeping.predict([[1.0]])[0]


def test_other_features_are_refused() -> None:
    """Contexts of another size change nothing and say so."""
    with pytest.raises(ValueError, match="3 context features"):
        Propensity(3).weigh([[1.0]], [1.0])
