"""`operators.forecasting.exact` of a few numbers, one by one: the same operations, the same bits.

Arrays of a few dozen numbers take longer to call than to compute. Compiled (`scripts/compiled`), a number takes a
tenth of a microsecond here; interpreted, ten of them take as long as an array does.
"""

import math
from typing import Final

_LN2_HIGH: Final = 6.93147180369123816490e-01
_LN2_LOW: Final = 1.90821492927058770002e-10
_SQRT_HALF: Final = 0.70710678118654752440
_HALF: Final = 0.5
_UP_4: Final = 16.0
_DOWN_4: Final = 0.0625
_UP_32: Final = 4294967296.0
_DOWN_32: Final = 2.3283064365386963e-10
_STEP: Final = 32.0
_WHOLE: Final = 6755399441055744.0
"""1.5 · 2^52: a number added to it and taken off again is rounded to a whole one, half to even."""


def log(x: float) -> float:
    """The natural logarithm of a positive number; of what is infinite or none at all, none."""
    mantissa, exponent = max(x, 1e-300), 0.0
    if mantissa - mantissa != 0.0:
        return mantissa - mantissa
    # Times powers of two, which is exact, until it lies in ½..1.
    while mantissa >= _UP_32:
        mantissa, exponent = mantissa * _DOWN_32, exponent + _STEP
    while mantissa >= _UP_4:
        mantissa, exponent = mantissa * _DOWN_4, exponent + 4.0
    while mantissa >= 1.0:
        mantissa, exponent = mantissa * 0.5, exponent + 1.0
    while mantissa < _DOWN_32:
        mantissa, exponent = mantissa * _UP_32, exponent - _STEP
    while mantissa < _DOWN_4:
        mantissa, exponent = mantissa * _UP_4, exponent - 4.0
    while mantissa < _HALF:
        mantissa, exponent = mantissa * 2.0, exponent - 1.0
    if mantissa < _SQRT_HALF:
        mantissa, exponent = mantissa * 2.0, exponent - 1.0
    t = (mantissa - 1.0) / (mantissa + 1.0)
    s = t * t
    series = 1.0 / 13.0 + s * (1.0 / 15.0)
    series = 1.0 / 11.0 + s * series
    series = 1.0 / 9.0 + s * series
    series = 1.0 / 7.0 + s * series
    series = 1.0 / 5.0 + s * series
    series = 1.0 / 3.0 + s * series
    series = 1.0 + s * series
    return 2.0 * t * series + exponent * (_LN2_HIGH + _LN2_LOW)


def exp(x: float) -> float:
    """The exponential; the argument is clipped to ±700."""
    x = min(max(x, -700.0), 700.0)
    power = (x * 1.4426950408889634 + _WHOLE) - _WHOLE
    r = x - power * _LN2_HIGH - power * _LN2_LOW
    series = 1.0 + r / 12.0
    series = 1.0 + series * r / 11.0
    series = 1.0 + series * r / 10.0
    series = 1.0 + series * r / 9.0
    series = 1.0 + series * r / 8.0
    series = 1.0 + series * r / 7.0
    series = 1.0 + series * r / 6.0
    series = 1.0 + series * r / 5.0
    series = 1.0 + series * r / 4.0
    series = 1.0 + series * r / 3.0
    series = 1.0 + series * r / 2.0
    series = 1.0 + series * r
    while power >= _STEP:
        series, power = series * _UP_32, power - _STEP
    while power >= 1.0:
        series, power = series * 2.0, power - 1.0
    while power <= -_STEP:
        series, power = series * _DOWN_32, power + _STEP
    while power <= -1.0:
        series, power = series * 0.5, power + 1.0
    return series


def asinh(x: float) -> float:
    """The inverse hyperbolic sine."""
    size = abs(x)
    return math.copysign(log(size + math.sqrt(size * size + 1.0)), x)


def normal_cdf(z: float) -> float:
    """Φ(z)."""
    x = min(abs(z), 8.0)
    series = 0.0000488906 + x * 0.0000053830
    series = 0.0000380036 + x * series
    series = 0.0032776263 + x * series
    series = 0.0211410061 + x * series
    series = 0.0498673470 + x * series
    series = 1.0 + x * series
    series *= series
    series *= series
    series *= series
    series *= series
    tail = 0.5 / series
    return 1.0 - tail if z > 0.0 else tail


def logs(values: list[float]) -> list[float]:
    """`log` of each."""
    return [log(value) for value in values]


def exps(values: list[float]) -> list[float]:
    """`exp` of each."""
    return [exp(value) for value in values]


def sigmoids(values: list[float]) -> list[float]:
    """1 / (1 + e^−x) of each."""
    return [1.0 / (1.0 + exp(-value)) for value in values]


def normal_cdfs(values: list[float]) -> list[float]:
    """`normal_cdf` of each."""
    return [normal_cdf(value) for value in values]
