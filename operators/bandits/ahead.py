"""What comes later, in what a committee is made from: its shape, and how much of it to believe."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np

from schemas.models import Floats


class Ahead(NamedTuple):
    """What later value adds: ``moments`` to b by ledger, shape (2, D), ``squares`` to Σ y², known of ``moves`` decisions.

    ``value`` is the value function behind it by ledger, shape (2, dx).
    """

    moments: Floats
    squares: float
    moves: int
    value: Floats


Future = Callable[[tuple[str, ...], Mapping[int, float], int, Floats], Ahead]
"""Given actions, what epochs count for, the newest, and what each ledger counts."""


def joined(
    moments: Floats,
    squares: float,
    lower: Floats,
    weights: Floats,
    *,
    foretold: Ahead | None,
    later: Ahead | None,
) -> tuple[Floats, float]:
    """The moments by ledger, shape (2, D), and Σ y², with what comes later added.

    Args:
        moments: What came in, shape (2, D).
        squares: Σ y² of it.
        lower: The Cholesky factor of the precision, shape (D, D).
        weights: What each ledger counts, shape (2,).
        foretold: What early signs say is still to come; taken as it is.
        later: What is worth more or less from there on; taken as far as it is more than chance.
    """
    if foretold is not None:
        moments, squares = moments + foretold.moments, squares + foretold.squares
    if later is not None:
        by_chance = later.squares / max(later.moves, 1)
        share = believed(weights @ later.moments, lower, noise=by_chance)
        moments, squares = moments + share * later.moments, squares + share**2 * later.squares
    return moments, squares


def believed(more: Floats, lower: Floats, *, noise: float) -> float:
    """How much of an addition to b is more than chance would make of it: 0..1.

    By chance its energy b'A⁻¹b is about ``noise`` times the number of parameters, give or take twice its spread.

    Source: James & Stein 1961, positive part.
    """
    energy = float(np.sum(np.linalg.solve(lower, more) ** 2))
    size = len(more)
    chance = noise * (size + 2.0 * (2.0 * size) ** 0.5)
    return max(1.0 - chance / energy, 0.0) if energy > 0.0 else 0.0
