"""What the classifier of shortfalls sees of a customer, a horizon and a threshold: eighteen numbers.

All money is measured in months of the customer's own spending, so that one model serves everybody.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from operators.features import book
from operators.forecasting import exact
from operators.forecasting.block import Block
from operators.forecasting.scenarios import Scenarios, quantiles

Floats = NDArray[np.float64]
BANDWIDTH = 0.15
"""Width of the smoothed indicator, in months of own spending."""
HISTORY_DAYS_MAX = 720
PER_QUARTER_WEEKS = 13

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
RAW = 0
"""The feature that is itself a probability's logit: what serves before anything is learnt."""
THRESHOLD = 15
"""The feature that the others' weights depend on."""


def shortfall(
    block: Block, thresholds: Floats, *, regular: Floats, slid: Scenarios, same: Scenarios
) -> Floats:
    """The features, shape (N, T, 18); ``thresholds`` in minor units, shape (N, T), not negative."""
    scale, balance, days = block.spending, block.balance, regular.shape[1]
    eod = block.eod
    scaled, rows, width = scale[:, None], len(scale), thresholds.shape[1]
    above = balance[:, None] - thresholds
    middle = quantiles(slid.lows, slid.count, (0.1, 0.5))
    quarter = quantiles(same.lows, same.count, (0.25,))
    known = np.arange(90) < block.history[:, None]
    low_30 = eod[:, :30].min(axis=1)
    low_90 = np.where(known, eod[:, :90], np.inf).min(axis=1)
    again = balance + eod[:, :days].min(axis=1) - eod[:, min(days, book.DAYS)]
    spread = _spread(slid)
    relative = np.empty((6, rows, width))
    relative[0] = above + middle[:, :1]
    relative[1] = above + middle[:, 1:]
    relative[2] = above + quarter
    relative[3] = above
    relative[4] = above + regular.min(axis=1)[:, None]
    relative[5] = again[:, None] - thresholds
    plain = np.stack(
        [
            block.net[:, -30:].sum(axis=1),
            block.net[:, -90:].sum(axis=1),
            regular[:, -1],
            low_30,
            low_90,
            block.peaks[:, :PER_QUARTER_WEEKS].max(axis=1),
        ]
    )
    ratios = np.concatenate([(relative / scaled).reshape(-1), (plain / scale).reshape(-1)])
    share = below((slid, same), above, scale)
    # Logarithms are the dearest: those of all that is squashed (`exact.asinh`) and the plain ones in one call.
    size = np.abs(ratios)
    logs = exact.log(
        np.concatenate(
            [
                size + np.sqrt(size * size + 1.0),
                (share / (1.0 - share)).reshape(-1),
                (np.maximum(thresholds, 0.0) / scaled + 0.05).reshape(-1),
                np.minimum(block.history, HISTORY_DAYS_MAX).astype(np.float64),
                scale / 100.0,
                1.0 + spread / scale,
            ]
        )
    )
    squashed, logs = np.copysign(logs[: len(ratios)], ratios), logs[len(ratios) :]
    threshold_part = squashed[: 6 * rows * width].reshape(6, rows, width)
    plain_part = squashed[6 * rows * width :].reshape(6, rows)
    cells = rows * width
    made = np.empty((rows, width, len(NAMES)))
    made[:, :, 0] = logs[:cells].reshape(rows, width)
    made[:, :, 1] = logs[cells : 2 * cells].reshape(rows, width)
    made[:, :, 2:6] = threshold_part[:4].transpose(1, 2, 0)
    made[:, :, 6:9] = plain_part[:3].T[:, None, :]
    made[:, :, 9] = threshold_part[4]
    age, spending, wide = logs[3 * cells :].reshape(3, rows)
    made[:, :, 10] = age[:, None]
    made[:, :, 11:14] = plain_part[3:].T[:, None, :]
    made[:, :, 14] = spending[:, None]
    made[:, :, 15] = logs[2 * cells : 3 * cells].reshape(rows, width)
    made[:, :, 16] = threshold_part[5]
    made[:, :, 17] = wide[:, None]
    return made


def below(kinds: Sequence[Scenarios], above: Floats, scale: Floats) -> Floats:
    """The smoothed share of each kind's scenarios that fall below, shape (kinds, N, T), within 0.001..0.999.

    Source: (½ + Σ Φ((threshold − low) / bandwidth)) / (1 + K), the rule of succession.
    """
    # One call for all kinds, since a call costs more than its numbers.
    lows = np.concatenate([made.lows for made in kinds], axis=1)
    votes = exact.normal_cdf(
        (-above[:, :, None] - lows[:, None, :]) / (BANDWIDTH * scale[:, None, None])
    )
    shares, at = np.full((len(kinds), *above.shape), 0.5), 0
    for share, made in zip(shares, kinds, strict=True):
        width, count = made.lows.shape[1], made.count[:, None]
        if width:
            inside = (np.arange(width) < count)[:, None, :]
            share[:] = (0.5 + (votes[:, :, at : at + width] * inside).sum(axis=2)) / (1.0 + count)
        at += width
    return np.minimum(np.maximum(shares, 1e-3), 1 - 1e-3)


def _spread(scenarios: Scenarios) -> Floats:
    """The standard deviation of the scenarios' ends, shape (N,)."""
    inside = np.arange(scenarios.nets.shape[1]) < scenarios.count[:, None]
    count = np.maximum(scenarios.count, 1)
    nets = scenarios.nets * inside
    mean = nets.sum(axis=1) / count
    apart = (nets - mean[:, None]) * inside
    made: Floats = np.sqrt((apart * apart).sum(axis=1) / count)
    return made
