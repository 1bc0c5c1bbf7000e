"""Quantiles of the balance after H days: a location, a spread, and how errors of others were distributed.

y = balance + G·(b·x + e^(g·z)·ε) with G the customer's monthly turnover. Errors ε are pooled over customers.
Few months are known at first, so the spread is widened (`operators.forecasting.months`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.forecasting import exact
from operators.forecasting.block import QUARTER_DAYS, Block
from operators.forecasting.months import widening
from operators.forecasting.scenarios import Replay, quantiles
from schemas.models import BandHead

Floats = NDArray[np.float64]
SHARES: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
LOW, MEDIAN, HIGH = 1, 3, 5
"""Where the bounds of the 80 % range and the median stand in `SHARES`."""
LOCATIONS, SPREADS = 12, 6
_LEAST = np.array([[-np.inf, -6, -6, -6, -6, -2, -np.inf, -6, -np.inf, -np.inf, 0, -10]]).T
_MOST = np.array([[np.inf, 6, 6, 6, 6, 20, np.inf, 6, np.inf, np.inf, 10, 10]]).T
"""What the features of the location are kept within."""
_ABOVE = np.array([[2.0], [5.0]])
_ONE, _TWO, _THREE = np.array(1.0), np.array(2.0), np.array(3.0)
_RIDGE = 5.0
_CUT = (0.01, 0.99)
_FLOOR = 0.02
_GRID = 2.0**20


def turnover(block: Block) -> Floats:
    """Mean monthly turnover over a quarter, minor units, at least 1,000 major units, shape (N,)."""
    moved = np.add.reduce(block.income[:, -QUARTER_DAYS:], 1) + np.add.reduce(block.debits, 1)
    made: Floats = np.maximum(moved / 6, 100_000.0)
    return made


def describe(block: Block, *, past: Replay) -> Floats:
    """Location and spread features, shape (N, 18): the first twelve are x, the others z."""
    g, net, slid, same = turnover(block), block.net, past.slid, past.same
    # Feature by feature, what is divided and what is bounded together: a call is what costs.
    made = np.zeros((LOCATIONS + SPREADS, len(g)))
    made[1] = past.regular[:, -1]
    made[2] = quantiles(slid.nets, slid.count, (0.5,))[:, 0]
    np.add.reduce(net[:, -30:], 1, None, made[3])
    np.add.reduce(net[:, -QUARTER_DAYS:], 1, None, made[4])
    made[5] = block.balance
    made[7] = quantiles(same.nets, same.count, (0.5,))[:, 0]
    made[10] = block.low
    usual = block.eod[:, :QUARTER_DAYS].copy()
    usual.sort(axis=1)
    np.add(usual[:, 44], usual[:, 45], made[11])
    np.divide(made[11], _TWO, made[11])
    np.divide(made[1:LOCATIONS], g, made[1:LOCATIONS])
    spreads = made[LOCATIONS + 1 :]
    np.divide(slid.spread, g, spreads[0])
    np.abs(made[3], spreads[1])
    np.maximum(made[5], 0.0, out=spreads[2])
    np.divide(slid.spread_of_all, g, spreads[3])
    np.abs(made[4], spreads[4])
    np.add(spreads, _ONE, spreads)
    spreads[:] = exact.log(spreads)
    np.divide(made[4], _THREE, made[4])
    np.subtract(made[5], made[10:12], made[10:12])
    located = made[:LOCATIONS]
    np.maximum(located, _LEAST, out=located)
    np.minimum(located, _MOST, out=located)
    np.maximum(made[5] - _ABOVE, 0.0, out=made[8:10])
    np.divide(np.minimum(block.history, 720), 360.0, made[6])
    made[0] = made[LOCATIONS] = 1.0
    return np.ascontiguousarray(made.T)


def balance_quantiles(head: BandHead, features: Floats, *, block: Block) -> Floats:
    """The balance after H days at `SHARES`, shape (N, 7), minor units, non-decreasing along axis 1."""
    place = (features[:, :LOCATIONS] * head.location).sum(axis=1)
    spread = exact.exp((features[:, LOCATIONS:] * head.spread).sum(axis=1))
    middle = head.errors[MEDIAN]
    errors = middle + (head.errors - middle) * widening(head.months)
    made: Floats = block.balance[:, None] + turnover(block)[:, None] * (
        place[:, None] + spread[:, None] * errors
    )
    return made


def fit(features: Floats, change: Floats, *, months: int) -> BandHead:
    """The head that fits rows best.

    Args:
        features: Of `describe`, shape (n, 18).
        change: (balance after H days − balance) / turnover, shape (n,).
        months: How many different months the rows are from.
    """
    x, z = features[:, :LOCATIONS], features[:, LOCATIONS:]
    cut = np.clip(change, *np.quantile(change, _CUT))
    location = np.linalg.solve(x.T @ x + _RIDGE * np.eye(LOCATIONS), x.T @ cut)
    error = change - x @ location
    spread = np.linalg.solve(
        z.T @ z + _RIDGE * np.eye(SPREADS), z.T @ np.log(np.abs(error) + _FLOOR)
    )
    errors = np.quantile(error / np.exp(z @ spread), SHARES)
    return BandHead(
        location=_on_grid(location),
        spread=_on_grid(spread),
        errors=_on_grid(np.sort(errors)),
        months=months,
        rows=len(change),
    )


def _on_grid(values: NDArray[Any]) -> Floats:
    made: Floats = np.rint(values * _GRID) / _GRID
    return made
