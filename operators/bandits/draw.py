"""Draw one of some alternatives by their exact probabilities."""

from collections.abc import Sequence

import numpy as np

from schemas.models import Floats


def pick(propensities: Sequence[float] | Floats, draw: float) -> int:
    """The index at which the running sum passes the draw.

    Args:
        propensities: Probabilities that sum to one, in the order of the alternatives.
        draw: A uniform number in [0, 1).

    Returns:
        An index whose probability is above zero.

    Example:
        >>> pick([0.25, 0.0, 0.75], 0.2), pick([0.25, 0.0, 0.75], 0.25)
        (0, 2)

    Source: Devroye 1986, inversion by sequential search.
    """
    # Accumulated one after another, as anybody would add them up: the same bits everywhere.
    index: int = np.add.accumulate(propensities).searchsorted(draw, "right").item()
    if index < len(propensities):
        return index
    # Rounding may leave the sum a hair under one: the last possible one takes the rest.
    return max(place for place, propensity in enumerate(propensities) if propensity > 0.0)


def certain(count: int, chosen: int) -> tuple[float, ...]:
    """Propensities of a choice that nobody drew for.

    Example:
        >>> certain(3, 1)
        (0.0, 1.0, 0.0)
    """
    return (0.0,) * chosen + (1.0,) + (0.0,) * (count - chosen - 1)
