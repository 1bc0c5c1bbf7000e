from fractions import Fraction

import numpy as np

from operators.bandits.grid import snap_actions, snap_context, snap_parameters


def test_features_are_put_on_their_grids() -> None:
    """Contexts to 2^-10 within ±8, action features to 2^-6 within ±4."""
    assert snap_context([[0.1, -99.0]]).tolist() == [[102 / 1024, -8.0]]
    assert snap_actions([[0.1, 99.0]]).tolist() == [[6 / 64, 4.0]]


def test_small_parameters_keep_the_finest_grid() -> None:
    """Nothing is lost that 2^-24 can hold."""
    row = np.array([[2.0**-24, 0.5, -1.25]])
    assert snap_parameters(row).tolist() == row.tolist()


def test_large_parameters_get_a_grid_on_which_sums_are_exact() -> None:
    """The worst context and action sum to the very same number as fractions do."""
    generator = np.random.Generator(np.random.Philox(5))
    row = snap_parameters(generator.normal(0, 30, (1, 280)))[0]
    x = snap_context([generator.uniform(-8, 8, 20).tolist()])[0]
    a = snap_actions([generator.uniform(-4, 4, 14).tolist()])[0]
    exact = sum(
        (
            Fraction(x[i]) * Fraction(row[i * 14 + j]) * Fraction(a[j])
            for i in range(20)
            for j in range(14)
        ),
        start=Fraction(0),
    )
    assert Fraction(float((x @ row.reshape(20, 14)) @ a)) == exact
    assert Fraction(float(x @ (row.reshape(20, 14) @ a))) == exact


def test_parameters_are_bounded() -> None:
    """A parameter fits the 32-bit integer that it travels as."""
    assert np.abs(snap_parameters(np.array([[1e9, -1e9, np.pi]]))).max() == 127.0
