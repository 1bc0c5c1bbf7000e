"""Quantiles of the balance after H days: a location, a spread, and how errors of others were distributed.

y = balance + G·(b·x + e^(g·z)·ε) with G the customer's monthly turnover. Errors ε are pooled over customers.
Few months are known at first, so the spread is widened (`operators.forecasting.months`).
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from operators.forecasting import exact
from operators.forecasting.block import Block
from operators.forecasting.months import widening
from operators.forecasting.scenarios import Replay, quantiles
from schemas.models import BandHead

Floats = NDArray[np.float64]
SHARES: tuple[float, ...] = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
LOW, MEDIAN, HIGH = 1, 3, 5
"""Where the bounds of the 80 % range and the median stand in `SHARES`."""
LOCATIONS, SPREADS = 12, 6
_RIDGE = 5.0
_CUT = (0.01, 0.99)
_FLOOR = 0.02
_GRID = 2.0**20


def turnover(block: Block) -> Floats:
    """Mean monthly turnover over a quarter, minor units, at least 1,000 major units, shape (N,)."""
    moved = block.income[:, -90:].sum(axis=1) + block.debits.sum(axis=1)
    made: Floats = np.maximum(moved / 6, 100_000.0)
    return made


def describe(block: Block, *, past: Replay) -> Floats:
    """Location and spread features, shape (N, 18): the first twelve are x, the others z."""
    g = turnover(block)
    balance, eod = block.balance / g, block.eod
    slid, same, regular = past.slid, past.same, past.regular
    usual = np.sort(eod[:, :90], axis=1)[:, 44:46].sum(axis=1) / 2
    net_30, net_90 = block.net[:, -30:].sum(axis=1) / g, block.net[:, -90:].sum(axis=1) / g
    owned = np.clip(balance, -2, 20)
    x = [
        np.ones(len(g)),
        np.clip(regular[:, -1] / g, -6, 6),
        np.clip(quantiles(slid.nets, slid.count, (0.5,))[:, 0] / g, -6, 6),
        np.clip(net_30, -6, 6),
        np.clip(net_90 / 3, -6, 6),
        owned,
        np.minimum(block.history, 720) / 360.0,
        np.clip(quantiles(same.nets, same.count, (0.5,))[:, 0] / g, -6, 6),
        np.maximum(owned - 2, 0),
        np.maximum(owned - 5, 0),
        np.clip(balance - block.low / g, 0, 10),
        np.clip(balance - usual / g, -10, 10),
    ]
    spreads = exact.log(
        1.0
        + np.stack(
            [
                slid.spread / g,
                np.abs(net_30),
                np.maximum(balance, 0),
                slid.spread_of_all / g,
                np.abs(net_90),
            ],
            axis=1,
        )
    )
    return np.concatenate([np.stack(x, axis=1), np.ones((len(g), 1)), spreads], axis=1)


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
