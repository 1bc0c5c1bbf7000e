"""What few months can't show: how much wider a forecast must be than the months that it was learnt from.

Whole months go wrong together (a Christmas nobody saw before), so labels are worth their months and not their
number. A prediction from m means is wider than its sample by √(1 + 1/m), and more while m is small and the
spread between months itself is hardly known; √(1 + 2.5/m) serves for both.

Source: the prediction interval of a normal sample; for the logistic, marginalising a normal effect of the month
divides the logit (Zeger, Liang and Albert 1988).
"""

import math

WIDEN = 2.5


def widening(months: int) -> float:
    """The factor that a spread over so many different months is multiplied by; near 1 over many.

    Example:
        >>> round(widening(1), 3), round(widening(10), 3), round(widening(1000), 3)
        (1.871, 1.118, 1.001)
    """
    return math.sqrt(1.0 + WIDEN / max(1, months))
