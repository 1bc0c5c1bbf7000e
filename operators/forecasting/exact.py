"""Logarithm, exponential and their kin from + − × ÷ and square root alone: the same bits on any machine.

IEEE 754 prescribes the result of these operations and leaves transcendental functions to the library, so a
decision that used the library's could differ in its last bit after a move to another machine.

What is asked for is mostly a few dozen numbers, where a call costs more than what it computes: results are written
in place, constants are arrays of no dimension (a float would have to be made one), and very few numbers are taken
one by one.
"""

from collections.abc import Iterable
from inspect import isfunction

import numpy as np
from numpy.typing import NDArray

from operators.forecasting import scalar

Floats = NDArray[np.float64]


def _arrays(values: Iterable[float]) -> tuple[Floats, ...]:
    return tuple(np.array(value) for value in values)


_LN2_HIGH = 6.93147180369123816490e-01
_LN2_LOW = 1.90821492927058770002e-10
_SQRT_HALF = 0.70710678118654752440
_TINY = 1e-300
FEW = 10 if isfunction(scalar.log) else 200
"""Fewer numbers are taken one by one: with `scalar` interpreted, and compiled."""
_ONE, _HALF, _EIGHT, _SMALLEST, _ROOT = _arrays((1.0, 0.5, 8.0, _TINY, _SQRT_HALF))
_LOG_FIRST, _LOG_SECOND, _LN2 = _arrays((1 / 15, 1 / 13, _LN2_HIGH + _LN2_LOW))
_LOG_SERIES = _arrays(1.0 / divisor for divisor in (11.0, 9.0, 7.0, 5.0, 3.0, 1.0))
_EXP_SERIES = _arrays((12.0, 11.0, 10.0, 9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0))
_EXP_MIN, _EXP_MAX, _LOG2_E, _HIGH, _LOW = _arrays(
    (-700.0, 700.0, 1.4426950408889634, _LN2_HIGH, _LN2_LOW)
)
_TAIL_FIRST, *_TAIL_SERIES = _arrays(
    (0.0000053830, 0.0000488906, 0.0000380036, 0.0032776263, 0.0211410061, 0.0498673470, 1.0)
)


def log(x: Floats) -> Floats:
    """The natural logarithm of positive numbers, to 1e-14.

    Example:
        >>> log(np.array([1.0, 10.0])).round(6)
        array([0.      , 2.302585])

    Source: 2·artanh((m − 1)/(m + 1)) as a series, with m in √½..√2.
    """
    if x.size <= FEW:
        return np.array(scalar.logs(x.ravel().tolist())).reshape(x.shape)
    mantissa, exponent = np.frexp(np.maximum(x, _SMALLEST))
    low = mantissa < _ROOT
    np.add(mantissa, mantissa * low, mantissa)
    np.subtract(exponent, low, exponent)
    t: Floats = np.subtract(mantissa, _ONE)
    np.add(mantissa, _ONE, mantissa)
    np.divide(t, mantissa, t)
    s = np.multiply(t, t, mantissa)
    series = np.multiply(s, _LOG_FIRST)
    np.add(series, _LOG_SECOND, series)
    for term in _LOG_SERIES:
        np.multiply(series, s, series)
        np.add(series, term, series)
    np.add(t, t, t)
    np.multiply(t, series, t)
    np.multiply(exponent, _LN2, series)
    return np.add(t, series, t)


def exp(x: Floats) -> Floats:
    """The exponential, to 1e-13 relative; the argument is clipped to ±700.

    Example:
        >>> exp(np.array([0.0, 1.0, -2.0])).round(6)
        array([1.      , 2.718282, 0.135335])

    Source: 2^k · e^r with |r| ≤ ln 2 / 2, e^r as a Taylor series of degree 12.
    """
    if x.size <= FEW:
        return np.array(scalar.exps(x.ravel().tolist())).reshape(x.shape)
    r = np.minimum(np.maximum(x, _EXP_MIN), _EXP_MAX)
    power = np.multiply(r, _LOG2_E)
    np.rint(power, power)
    series = np.multiply(power, _HIGH)
    np.subtract(r, series, r)
    np.multiply(power, _LOW, series)
    np.subtract(r, series, r)
    np.divide(r, _EXP_SERIES[0], series)
    np.add(series, _ONE, series)
    for divisor in _EXP_SERIES[1:]:
        np.multiply(series, r, series)
        np.divide(series, divisor, series)
        np.add(series, _ONE, series)
    return np.ldexp(series, power.astype(np.int32), series)


def sigmoid(x: Floats) -> Floats:
    """1 / (1 + e^−x)."""
    if x.size <= FEW:
        return np.array(scalar.sigmoids(x.ravel().tolist())).reshape(x.shape)
    made: Floats = 1.0 / (1.0 + exp(-x))
    return made


def logit(p: Floats) -> Floats:
    """ln(p / (1 − p)), with p kept within 0.001..0.999."""
    p = np.clip(p, 1e-3, 1 - 1e-3)
    return log(p / (1.0 - p))


def asinh(x: Floats) -> Floats:
    """The inverse hyperbolic sine: linear near zero, logarithmic far from it, odd.

    Example:
        >>> asinh(np.array([0.0, 1.0, -1.0])).round(6)
        array([ 0.      ,  0.881374, -0.881374])
    """
    size = np.abs(x)
    return np.copysign(log(size + np.sqrt(size * size + 1.0)), x)


def normal_cdf(z: Floats) -> Floats:
    """Φ(z) to 1.5e-7.

    Example:
        >>> normal_cdf(np.array([0.0, 1.0, -9.0])).round(4)
        array([0.5   , 0.8413, 0.    ])

    Source: Abramowitz and Stegun 1964, 26.2.19.
    """
    if z.size <= FEW:
        return np.array(scalar.normal_cdfs(z.ravel().tolist())).reshape(z.shape)
    x = np.abs(z)
    np.minimum(x, _EIGHT, out=x)
    tail: Floats = np.multiply(x, _TAIL_FIRST)
    for term in _TAIL_SERIES[:-1]:
        np.add(tail, term, tail)
        np.multiply(tail, x, tail)
    np.add(tail, _TAIL_SERIES[-1], tail)
    for _ in range(4):
        np.multiply(tail, tail, tail)
    np.divide(_HALF, tail, tail)
    # 1 − tail above zero, else the tail.
    np.subtract(z > 0, tail, tail)
    return np.abs(tail, tail)
