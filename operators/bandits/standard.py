"""A customer's features as the models take them: standardised, clipped, on the grid; compiled (`scripts/compiled`)."""

from typing import Final

X_GRID: Final = 1024.0
X_MIN: Final = -8.0
X_MAX: Final = 8.0
TO_GRID: Final = 6597069766656.0
"""1.5 · 2^52 / `X_GRID`: added and taken away again it rounds to the grid, halves to even."""


def standardised(
    values: tuple[float, ...], centres: list[float], scales: list[float]
) -> list[float]:
    """One, then (value − centre) / scale of each on the 2^-10 grid within ±8.

    Example:
        >>> standardised((3.0, 1e9), [1.0, 0.0], [2.0, 1.0])
        [1.0, 1.0, 8.0]

    Raises:
        ValueError: A value is not a number.
    """
    made: list[float] = [1.0]
    for place in range(len(values)):
        x: float = (values[place] - centres[place]) / scales[place]
        if X_MIN <= x <= X_MAX:
            made.append(x + TO_GRID - TO_GRID)
        elif x > X_MAX:
            made.append(X_MAX)
        elif x < X_MIN:
            made.append(X_MIN)
        else:
            message = "a feature of the context is not a number"
            raise ValueError(message)
    return made
