"""What the classifiers of large expenses and of income changes see: ratios of a customer's own past.

A large expense is a debit of at least a limit (half as much again as the largest of a quarter) within 30 days.
An income change is the median monthly income of the next 90 days, more than a quarter off that of the last 90.

Source: for intermittent demand the share of months and the time since (Croston 1972; Teunter, Syntetos, Babai
2011); for income the spread of the last months, since what was unusual reverts.
"""

import numpy as np
from numpy.typing import NDArray

from operators.features import book
from operators.forecasting import exact
from operators.forecasting.block import QUARTER_WEEKS, Block, living

Floats = NDArray[np.float64]
LARGE, INCOME = 23, 22
"""How many features each has."""
LARGE_FACTOR = 1.5
LARGE_FLOOR_MINOR = 100_000.0
CHANGE_SHARE = 0.25
INCOME_MINOR_MIN = 100_000.0
"""The least median monthly income whose change is worth telling."""
MONTH = 30


def limit_of(block: Block) -> Floats:
    """What is a large expense to each customer, minor units, shape (N,)."""
    quarter = block.peak
    made: Floats = LARGE_FACTOR * np.maximum(quarter, LARGE_FLOOR_MINOR)
    return made


def large(block: Block, limit: Floats, *, regular: Floats) -> Floats:
    """Features of a debit of at least ``limit`` within 30 days, shape (N, 23); ``regular`` is summed up."""
    peaks, scale, balance = block.peaks, block.spending, block.balance
    months = np.maximum.reduce(peaks.reshape(len(peaks), 7, 4), 2)
    whole = 28 * (np.arange(7) + 1) <= block.history[:, None] + 7
    share = (((months >= limit[:, None]) & whole).sum(axis=1) + 0.5) / (whole.sum(axis=1) + 1)
    big = peaks >= limit[:, None]
    since = np.where(big.any(axis=1), big.argmax(axis=1), 40)
    top = np.sort(peaks, axis=1)[:, ::-1]
    debits, low_30, low_90 = block.debits, block.floor(30), block.low
    daily = np.diff(regular, axis=1, prepend=0.0)
    squashed = exact.asinh(
        np.stack(
            [
                balance / scale,
                block.net[:, -30:].sum(axis=1) / scale,
                balance / limit,
                block.peak / limit,
                (balance + regular[:, -1]) / limit,
                block.net[:, -90:].sum(axis=1) / scale,
                peaks[:, :5].max(axis=1) / limit,
                top[:, 1] / limit,
                top[:, 3] / limit,
                block.income[:, -90:].sum(axis=1) / 3 / limit,
                low_30 / limit,
                low_90 / limit,
                debits[:, -30:].sum(axis=1) / scale,
                block.income[:, -30:].sum(axis=1) / limit,
                (balance - low_30) / limit,
            ],
            axis=1,
        )
    )
    logs = exact.log(
        np.stack(
            [
                share / np.maximum(1e-3, 1.0 - share),
                1.0 + since,
                block.history.astype(np.float64),
                limit / 100.0,
                scale / limit,
                1.0 - np.minimum(daily, 0.0).min(axis=1) / limit,
            ],
            axis=1,
        )
    )
    counts = [
        (peaks[:, :QUARTER_WEEKS] > 0).sum(axis=1),
        (debits > 0).sum(axis=1),
    ]
    return np.concatenate([squashed, logs, np.stack(counts, axis=1)], axis=1)


def monthly_incomes(block: Block) -> Floats:
    """Income of the last six windows of 30 days, newest first, shape (N, 6)."""
    months = block.income[:, book.DAYS - 6 * MONTH :].reshape(-1, 6, MONTH)
    made: Floats = np.add.reduce(months, 2)[:, ::-1].copy()
    return made


def usual_income(block: Block) -> Floats:
    """The median monthly income of the last 90 days, shape (N,)."""
    made: Floats = np.sort(monthly_incomes(block)[:, :3], axis=1)[:, 1]
    return made


def income(block: Block, *, regular: Floats) -> Floats:
    """Features of a change of income within 90 days, shape (N, 22); ``regular`` is what is due by day."""
    months = monthly_incomes(block) / 100.0
    recent, history = months[:, :3], block.history
    ordered = np.sort(recent, axis=1)
    base = ordered[:, 1] + 1.0
    mean = recent.sum(axis=1) / 3
    apart = recent - mean[:, None]
    variation = np.sqrt((apart * apart).sum(axis=1) / 3) / (mean + 1.0)
    paid = block.income > 0
    since = np.where(paid.any(axis=1), paid[:, ::-1].argmax(axis=1), 200)
    before = np.where(history >= 6 * MONTH, months[:, 3:].sum(axis=1), recent.sum(axis=1))
    row, at, gap = living(block)
    amount = block.records["streams"]["amount"][row, at]
    monthly = np.maximum(amount, 0.0) * MONTH / np.maximum(gap, 1.0) / 100.0
    regular_in = np.bincount(row, weights=monthly, minlength=len(base))
    ahead = np.maximum(regular, 0.0).reshape(len(base), 3, MONTH).sum(axis=2) / 100.0
    known = MONTH * (np.arange(6) + 1) <= history[:, None] + 5
    all_months = np.sort(months, axis=1)
    half_year = (all_months[:, 2] + all_months[:, 3]) / 2
    squashed = exact.asinh(
        np.stack(
            [
                months[:, 0] / base,
                mean / base,
                months[:, 0] / (mean + 1.0),
                recent.sum(axis=1) / (block.spending / 100.0) / 3,
                recent.sum(axis=1) / np.maximum(before, 1_000.0),
                np.sort(ahead, axis=1)[:, 1] / base,
                regular_in / base,
                block.income[:, -90:].max(axis=1) / 100.0 / base,
                ordered[:, 0] / base,
                ordered[:, 2] / base,
                np.where(known[:, 3], months[:, 3], base) / base,
                np.where(known[:, 5], half_year, base) / base,
                block.income[:, -15:].sum(axis=1) / 100.0 / base,
                months[:, 1] / base,
                block.balance / 100.0 / base,
            ],
            axis=1,
        )
    )
    logs = exact.log(
        np.stack(
            [
                1.0 + since,
                1.0 + regular_in,
                history.astype(np.float64),
                1.0 + paid[:, -90:].sum(axis=1),
                base,
                1.0 + paid[:, -180:].sum(axis=1) / np.minimum(history, 180) * MONTH,
            ],
            axis=1,
        )
    )
    return np.concatenate([variation[:, None], squashed, logs], axis=1)
