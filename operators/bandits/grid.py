"""The dyadic grids on which the bandit counts, so that every sum is exact in any order.

A float holds integers up to 2^53 exactly. A context is a multiple of 2^-10 within ±8, an action feature a
multiple of 2^-6 within ±4, a parameter a multiple of 2^-24 or coarser: their products are multiples of
2^-40, and a sum is exact while it stays under 2^13.
"""

from collections.abc import Sequence
from itertools import starmap
from struct import Struct

import numpy as np

from schemas.models import Floats

X_STEPS, X_MAX = 1024.0, 8.0
A_STEPS, A_MAX = 64.0, 4.0
Y_STEPS, Y_MAX = 1024.0, 64.0
Z_STEPS = 1024.0
THETA_BITS = 24
THETA_MAX = 127.0
SUM_BITS = 53
EXACT_SQUARES = 2.0**SUM_BITS / Z_STEPS**2
"""A sum of products on the 2^-10 grid is exact below this: 8.6e9."""


def packed(rows: Sequence[tuple[float, ...]]) -> Floats:
    """Rows of one length as an array, a third of the time that `numpy.array` takes over them.

    Example:
        >>> packed([(1.0, 2.0), (3.0, 4.0)]).tolist()
        [[1.0, 2.0], [3.0, 4.0]]

    Raises:
        struct.error: A row is longer or shorter than the first.
    """
    # Without a sign of byte order: then a float is copied as it lies, in half the time.
    pack = Struct(f"{len(rows[0])}d").pack
    return np.frombuffer(b"".join(starmap(pack, rows))).reshape(len(rows), -1)


def context_columns(rows: Sequence[tuple[float, ...]]) -> Floats:
    """Contexts as `snap_context` puts them on their grid, a column each, shape (dx, rows); no zero has a sign."""
    return _columns(rows, X_STEPS, X_MAX)


def action_columns(rows: Sequence[tuple[float, ...]]) -> Floats:
    """Action features as `snap_actions` puts them on their grid, a column each, shape (da, rows)."""
    return _columns(rows, A_STEPS, A_MAX)


def to_grid(values: Floats, steps: float) -> None:
    """Round in place to multiples of 1/steps, halves to even; −0 becomes 0.

    Example:
        >>> values = np.array([0.4, 2.5, -0.1])
        >>> to_grid(values, 1.0)
        >>> values.tolist()
        [0.0, 2.0, 0.0]

    Args:
        values: Within ±2^51 / steps.
        steps: A power of two.

    Source: Muller et al. 2018, "Handbook of floating-point arithmetic", 5.4: beside 1.5·2^52 a float has no fraction.
    """
    shift = 1.5 * 2.0 ** (SUM_BITS - 1) / steps
    values += shift
    values -= shift


def snap_context(rows: Sequence[Sequence[float]] | Floats) -> Floats:
    """Contexts on the 2^-10 grid within ±8, shape (rows, dx)."""
    return _snap(rows, X_STEPS, X_MAX)


def snap_actions(rows: Sequence[Sequence[float]] | Floats) -> Floats:
    """Action features on the 2^-6 grid within ±4, shape (rows, da)."""
    return _snap(rows, A_STEPS, A_MAX)


def snap_label(label: float) -> float:
    """A label on the 2^-10 grid within ±64.

    Example:
        >>> snap_label(0.1), snap_label(1e9)
        (0.099609375, 64.0)
    """
    return round(min(max(label, -Y_MAX), Y_MAX) * Y_STEPS) / Y_STEPS


def snap_rewards(labels: Floats) -> Floats:
    """Many labels on the 2^-10 grid within ±64."""
    return _round(np.clip(labels, -Y_MAX, Y_MAX), Y_STEPS)


def snap_parameters(rows: Floats, *, bound: float = THETA_MAX) -> Floats:
    """Parameters on the finest grid, 2^-24 or coarser, on which no score can need more than 53 bits.

    Args:
        rows: One model a row, shape (models, D).
        bound: Larger parameters are clipped; the larger they are, the coarser the grid.

    Returns:
        The rounded rows, clipped to ±``bound``. For any context and action features within their bounds, every
        partial sum of z·theta is exact.
    """
    rows = np.clip(rows, -bound, bound)
    largest = X_MAX * A_MAX * float(np.abs(rows).sum(axis=1).max(initial=0.0))
    bits = THETA_BITS
    # One unit of slack: rounding may raise the sum a little.
    while bits > 0 and largest + 1.0 >= 2.0 ** (SUM_BITS - 16 - bits):
        bits -= 1
    return _round(rows, 2.0**bits)


def _snap(rows: Sequence[Sequence[float]] | Floats, steps: float, bound: float) -> Floats:
    return _round(np.clip(np.asarray(rows, dtype=np.float64), -bound, bound), steps)


def _columns(rows: Sequence[tuple[float, ...]], steps: float, bound: float) -> Floats:
    made = np.empty((len(rows[0]), len(rows)))
    np.minimum(packed(rows).T, bound, out=made)
    np.maximum(made, -bound, out=made)
    to_grid(made, steps)
    return made


def _round(values: Floats, steps: float) -> Floats:
    rounded: Floats = np.rint(values * steps)
    rounded /= steps
    return rounded
