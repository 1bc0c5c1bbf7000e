"""Keyed standard normals: a counter, a table of quantiles, and no state.

The raw words of Philox are specified bit by bit; the table makes them normal without a logarithm at the
time of the draw, so that the stream of a key is the same under every version of numpy.
"""

from functools import lru_cache
from statistics import NormalDist

import numpy as np

from schemas.models import Floats

TABLE_SIZE = 65_536


def normals(count: int, *, key: int) -> Floats:
    """Standard normals, a pure function of the key, shape (count,), on the 2^-24 grid.

    Example:
        >>> bool((normals(3, key=7) == normals(5, key=7)[:3]).all())
        True

    Source: Salmon et al. 2011, Philox4x64-10; 16-bit inversion by quantiles of the midpoints.
    """
    words = np.random.Philox(key=key, counter=0).random_raw((count + 3) // 4)
    draws: Floats = _table()[words.astype("<u8").view("<u2")[:count]]
    return draws


@lru_cache(maxsize=1)
def _table() -> Floats:
    """The quantiles of the midpoints of 65,536 equal slices, rescaled to unit variance."""
    inverse = NormalDist().inv_cdf
    half = np.array([inverse((index + 0.5) / TABLE_SIZE) for index in range(TABLE_SIZE // 2)])
    table = np.concatenate((half, -half[::-1]))
    rounded: Floats = np.rint(table / table.std() * 2.0**24) / 2.0**24
    return rounded
