"""What the senses make of the features: signals, forecasts, readings of a text."""

from typing import Any

from msgspec import Struct

from schemas.base import Source


class Signal(Struct, frozen=True):
    """Something noticed, worth answering.

    ``strength`` is in 0..1. ``sources`` are all sources that it was derived from: it is only used for a
    purpose that each of them is granted for. ``words`` says it to the customer, in one plain sentence
    without a name or a number that the customer did not cause. ``hold_ms`` is how long it stays live.
    ``insight`` is published on the ``insights`` topic when true.
    """

    name: str
    strength: float
    sources: tuple[Source, ...]
    words: str
    evidence: dict[str, Any] = {}
    hold_ms: int = 3 * 86_400_000
    insight: bool = False


class Recurring(Struct, frozen=True):
    """One recurring payment: ``amount_minor`` is signed; ``next_day`` counts days since 1970.

    ``key`` is a hash: who is paid isn't kept. ``category`` says what for.
    """

    key: str
    amount_minor: int
    gap_days: float
    next_day: int
    alive: float
    count: int
    category: str = "other"


class Forecast(Struct, frozen=True):
    """A projection of one customer's balance.

    ``shortfall`` is P(balance < threshold within the horizon) in 0..1, or None when it abstains;
    ``low_minor`` the median lowest balance; ``date_range`` the likely first day below, days since 1970.
    ``learnt`` is whether the probability is that of the model learnt from forecasts that came due, else it is
    the bare share of scenarios. ``record`` is how many forecasts like this one came due and how many came true.
    ``corrected`` is whether the balance was taken from the bank although it doesn't follow from the movements.
    ``range_minor`` is the balance at the horizon: its 10 % quantile, median and 90 % quantile. ``path`` is the
    same of the scenarios every third day from tomorrow, for a picture. What is told beside the probability (low,
    dates, recurring payments, record, range, path) is left out where the probability is too low to be told.
    ``large`` is P(a debit of ``large_minor`` or more within 30 days), ``fall`` and ``rise`` those of a usual
    income more than a quarter off within 90 days; None when not known.
    """

    name: str
    horizon_days: int
    threshold_minor: int
    shortfall: float | None
    low_minor: int | None
    date_range: tuple[int, int] | None
    recurring: tuple[Recurring, ...] = ()
    learnt: bool = False
    record: tuple[int, int] | None = None
    range_minor: tuple[int, int, int] | None = None
    path: tuple[tuple[int, int, int], ...] = ()
    corrected: bool = False
    large: float | None = None
    large_minor: int | None = None
    fall: float | None = None
    rise: float | None = None
    sources: tuple[Source, ...] = (Source.TRANSACTIONS,)


class Reading(Struct, frozen=True):
    """What a text says: intent with its probability (None: abstained), sentiment in -1..1."""

    intent: str | None
    intent_probability: float
    sentiment: float
    model: str
