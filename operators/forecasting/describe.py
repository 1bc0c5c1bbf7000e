"""What the classifier of shortfalls sees of a customer, a horizon and a threshold: eighteen numbers.

All money is measured in months of the customer's own spending, so that one model serves everybody.
"""

import numpy as np
from numpy.typing import NDArray

from operators.forecasting import alone, exact
from operators.forecasting.block import QUARTER_DAYS, Block
from operators.forecasting.scenarios import Replay, quantiles

Floats = NDArray[np.float64]
BANDWIDTH = 0.15
"""Width of the smoothed indicator, in months of own spending."""
HISTORY_DAYS_MAX = 720

NAMES: tuple[str, ...] = (
    "logit of the share of scenarios below",
    "logit of the share of month-aligned scenarios below",
    "low of the tenth scenario in a hundred, above the threshold",
    "low of the middle scenario, above the threshold",
    "low of the first quarter of aligned scenarios, above the threshold",
    "balance above the threshold",
    "net flow of 30 days",
    "net flow of 90 days",
    "regular flows due",
    "low of regular flows alone, above the threshold",
    "log days of history",
    "lowest balance of 30 days",
    "lowest balance of 90 days",
    "largest debit of a quarter",
    "log month of spending",
    "log threshold in months of spending",
    "low if the last H days came again, above the threshold",
    "log spread of the scenarios' ends",
)
SHARED: tuple[int, ...] = (6, 7, 8, 10, 11, 12, 13, 14, 17)
"""The features that are the same at every threshold."""
RAW = 0
"""The feature that is itself a probability's logit: what serves before anything is learnt."""
THRESHOLD = 15
"""The feature that the others' weights depend on."""


_SQUASHED = 12
"""How many of the features are squashed with the inverse hyperbolic sine; the others are logarithms."""
_ORDER = np.array([12, 13, 0, 1, 2, 3, 6, 7, 8, 4, 14, 9, 10, 11, 15, 16, 5, 17])
"""Where each of `NAMES` is in the order in which they are worked out."""
_ONE, _HUNDRED, _HALF = np.array(1.0), np.array(100.0), np.array(0.5)
_SHARE_MIN, _SHARE_MAX = np.array(1e-3), np.array(1 - 1e-3)
_THRESHOLD_MIN, _BANDWIDTH = np.array(0.05), np.array(-BANDWIDTH)


def shortfall(block: Block, thresholds: Floats, *, past: Replay) -> Floats:
    """The features, shape (N, T, 18); ``thresholds`` in minor units, shape (N, T), not negative."""
    if len(thresholds) == 1 and thresholds.size * len(NAMES) <= exact.FEW:
        return np.array([_alone(block, thresholds, past)])
    scale, balance, days = block.spending[:, None], block.balance, past.regular.shape[1]
    above = np.subtract(balance[:, None], thresholds)
    middle = quantiles(past.slid.lows, past.slid.count, (0.1, 0.5))
    quarter = quantiles(past.same.lows, past.same.count, (0.25,))
    net = block.net
    # Feature by feature, all that is squashed together and all logarithms in one call: a call is what costs.
    made = np.empty((len(NAMES), *thresholds.shape))
    np.add(above, middle[:, :1], made[0])
    np.add(above, middle[:, 1:], made[1])
    np.add(above, quarter, made[2])
    made[3] = above
    np.add(above, np.minimum.reduce(past.regular, 1)[:, None], made[4])
    again = balance + block.floor(days) - block.eod[:, days]
    np.subtract(again[:, None], thresholds, made[5])
    plain = made[6:_SQUASHED]
    plain[0] = np.add.reduce(net[:, -30:], 1)[:, None]
    plain[1] = np.add.reduce(net[:, -QUARTER_DAYS:], 1)[:, None]
    plain[2] = past.regular[:, -1:]
    plain[3] = block.floor(30)[:, None]
    plain[4] = block.low[:, None]
    plain[5] = block.peak[:, None]
    made[14] = np.minimum(block.history, HISTORY_DAYS_MAX)[:, None]
    np.divide(scale, _HUNDRED, made[15])
    ratios = np.divide(made[:_SQUASHED], scale)
    size = made[:_SQUASHED]
    np.multiply(ratios, ratios, size)
    np.add(size, _ONE, size)
    np.sqrt(size, size)
    np.add(size, np.abs(ratios), size)
    shares = below(past, above, scale)
    np.divide(shares, np.subtract(_ONE, shares), made[12:14])
    np.divide(np.maximum(thresholds, 0.0), scale, made[16])
    np.add(made[16], _THRESHOLD_MIN, made[16])
    np.divide(past.slid.spread[:, None], scale, made[17])
    np.add(made[17], _ONE, made[17])
    logs = exact.log(made)
    np.copysign(logs[:_SQUASHED], ratios, logs[:_SQUASHED])
    return np.ascontiguousarray(logs.take(_ORDER, 0).transpose(1, 2, 0))


def _alone(block: Block, thresholds: Floats, past: Replay) -> list[list[float]]:
    """The same of one customer, number by number; sums are those of arrays, whose order no loop would keep."""
    slid, same, days, net = past.slid, past.same, past.regular.shape[1], block.net[0]
    balance, scale = block.balance.item(), block.spending
    shares = below(past, block.balance[:, None] - thresholds, scale[:, None])
    lows = slid.lows[0, : slid.count.item()].tolist()
    tenth, middle = alone.quantiles(lows, (0.1, 0.5))
    (quarter,) = alone.quantiles(same.lows[0, : same.count.item()].tolist(), (0.25,))
    made = alone.Described(
        balance,
        scale.item(),
        tenth,
        middle,
        quarter,
        np.minimum.reduce(past.regular[0]).item(),
        balance + block.floor(days).item() - block.eod[0, days].item(),
        (
            np.add.reduce(net[-30:]).item(),
            np.add.reduce(net[-QUARTER_DAYS:]).item(),
            past.regular[0, -1].item(),
        ),
        min(block.history.item(), HISTORY_DAYS_MAX),
        (block.floor(30).item(), block.low.item(), block.peak.item()),
        slid.spread.item(),
    )
    return [
        alone.described(made, threshold, below_slid, below_same)
        for threshold, below_slid, below_same in zip(
            thresholds[0].tolist(), shares[0, 0].tolist(), shares[1, 0].tolist(), strict=True
        )
    ]


def below(past: Replay, above: Floats, scale: Floats) -> Floats:
    """The smoothed share of each kind's scenarios that fall below, shape (kinds, N, T), within 0.001..0.999.

    The sliding ones come first. ``above`` is the balance above each threshold, shape (N, T), ``scale`` a month of
    own spending, shape (N, 1).

    Source: (½ + Σ Φ((threshold − low) / bandwidth)) / (1 + K), the rule of succession.
    """
    # One call for all kinds, since a call costs more than its numbers.
    apart = np.add(above[:, :, None], past.lows[:, None, :])
    np.divide(apart, np.multiply(scale, _BANDWIDTH)[:, :, None], apart)
    votes = exact.normal_cdf(apart)
    width = past.same.lows.shape[1]
    parts = votes[:, :, width:], votes[:, :, :width]
    shares, counts = np.empty((2, *above.shape)), np.empty((2, len(above), 1))
    for at, made in enumerate((past.slid, past.same)):
        inside = made.inside
        counted = parts[at] if inside is None else parts[at] * inside[:, None, :]
        np.add.reduce(counted, 2, None, shares[at])
        counts[at, :, 0] = made.count
    np.add(shares, _HALF, shares)
    np.add(counts, _ONE, counts)
    np.divide(shares, counts, shares)
    np.maximum(shares, _SHARE_MIN, out=shares)
    np.minimum(shares, _SHARE_MAX, out=shares)
    return shares
