import numpy as np
import pytest

from operators.value.surrogate import Labels, Surrogate


def matured() -> Surrogate:
    """Value is three times the second sign; the first horizon sees only a shadow of it."""
    generator = np.random.default_rng(7)
    sign = generator.normal(size=(2000, 1))
    shadow = sign + generator.normal(size=(2000, 1))
    ones, nothing = np.ones((2000, 1)), np.zeros((2000, 1))
    early = np.hstack((ones, shadow, nothing))
    surrogate = Surrogate(3, horizons=2)
    surrogate.mature([early, np.hstack((ones, shadow, sign))], 3.0 * sign[:, 0])
    surrogate.refresh()
    return surrogate


def test_an_early_sign_stands_for_what_it_foretells() -> None:
    """A noisy sign is shrunk by its reliability, a later and better one is not."""
    surrogate = matured()
    assert surrogate.estimate(0, np.array([[1.0, 2.0, 0.0]]))[0] == pytest.approx(3.0, abs=0.3)
    assert surrogate.estimate(1, np.array([[1.0, 2.0, 1.0]]))[0] == pytest.approx(3.0, abs=0.1)


def test_estimates_change_only_with_a_refresh() -> None:
    """A label says which weights it was made with: what matures in between changes nothing yet."""
    surrogate = matured()
    row = np.array([[1.0, 2.0, 1.0]])
    before, version = surrogate.estimate(1, row), surrogate.version
    surrogate.mature([row, row], np.array([-60.0]))
    assert surrogate.estimate(1, row) == before
    surrogate.refresh()
    assert surrogate.estimate(1, row) < before
    assert surrogate.version == version + 1


def test_nothing_matured_estimates_nothing() -> None:
    """The first estimate of a new deployment is 0, and evidence of other horizons is refused."""
    surrogate = Surrogate(3, horizons=2)
    surrogate.refresh()
    assert surrogate.estimate(0, np.ones((1, 3)))[0] == 0.0
    with pytest.raises(ValueError, match="2 horizons"):
        surrogate.mature([np.ones((1, 3))], np.ones(1))


def test_who_never_answers_is_revised_not_dropped() -> None:
    """No event by the end of the window is a revision to what nothing brings."""
    labels = Labels()
    assert labels.revise("d", 0.5) == (0.5, None)
    assert labels.close("d", 0.0) == (0.0, 0.5)
    assert len(labels) == 0
