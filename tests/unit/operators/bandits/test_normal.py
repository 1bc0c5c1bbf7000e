import numpy as np

from operators.bandits.normal import normals

GOLDEN = [0.028135478496551514, -0.10412818193435669, 0.34432291984558105, -0.5141769051551819]


def test_the_stream_of_a_key_is_fixed() -> None:
    """The first draws of key 1: they must be these on every machine and under every numpy."""
    assert normals(4, key=1).tolist() == GOLDEN


def test_keys_give_different_streams() -> None:
    """Another snapshot draws another committee."""
    assert not np.array_equal(normals(16, key=1), normals(16, key=2))


def test_they_are_standard_normal() -> None:
    """Mean 0, variance 1, and tails where they belong."""
    draws = normals(100_000, key=4)
    assert abs(draws.mean()) < 0.01
    assert abs(draws.std() - 1.0) < 0.01
    assert abs((np.abs(draws) < 1.0).mean() - 0.6827) < 0.01
    assert 3.9 < np.abs(draws).max() < 4.5
