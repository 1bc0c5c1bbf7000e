"""One customer's book, number by number: what falls due, what was left, and how the balance may go.

Beside arrays of many (`operators.forecasting.block`): a customer has a handful of streams and some dozen scenarios,
for which a call of an array costs more than its numbers. Compiled (`scripts/compiled`) all of it takes microseconds.
"""

from struct import Struct
from typing import Final, NamedTuple

from operators.features import book
from operators.forecasting import calendar, scalar

SURVIVAL: Final = 0.7
"""What a missed due date leaves of a stream's probability to live."""
GAP_STEPS: Final = 64.0
ALIVE_STEPS: Final = 250.0
MONTHLY_GAP_MIN: Final = 27.0
MONTHLY_GAP_MAX: Final = 32.5
STRIDE_DAYS: Final = 3
"""Days between the starts of two scenarios."""
PICTURED_DAYS: Final = 3
"""Days between two points of a path."""
GRID: Final = 1_048_576.0
"""On a dyadic grid a sum is exact, so its order (and the machine) can't matter."""
_MATURED_AT: Final = 4
_RESIDUAL: Final = 1
_RING = Struct(f"<{book.DAYS}e")


class Walks(NamedTuple):
    """Scenarios of one balance, day by day; minor units.

    ``lows`` are their lowest days; ``firsts`` the days on which those that fall below a threshold first do, 0 is
    tomorrow; ``pictured`` every third day's balances, one list a day.
    """

    lows: list[float]
    firsts: list[int]
    pictured: list[list[float]]


def due(kept: bytes, *, today: int, days: int) -> list[float]:
    """Expected regular flows of one book by day, tomorrow first; what is overdue comes tomorrow.

    Each is weighed with the probability that its stream lives: less for a due date missed.
    """
    kept = book.current(kept)
    made = [0.0] * days
    flows: list[tuple[float, int, int, int, int]] = []
    for at in range(
        book.STREAMS_AT, book.STREAMS_AT + book.STREAMS * book.STREAM_SIZE, book.STREAM_SIZE
    ):
        if not kept[at + _MATURED_AT] and not kept[at + _MATURED_AT + 1]:
            continue
        _, last, _, steps, _, _, nominal, shift, _, _, alive, _, _, usual, _, _, _ = (
            book.STREAM.unpack_from(kept, at)
        )
        gap = steps / GAP_STEPS
        if today - last > 1.25 * gap + 3:
            continue
        late = today - last - max(3, round(0.1 * gap)) >= max(1.0, gap)
        amount = usual * (alive / ALIVE_STEPS) * (SURVIVAL if late else 1.0)
        if nominal and MONTHLY_GAP_MIN <= gap <= MONTHLY_GAP_MAX:
            month, shift = calendar.month_number(last), (shift > 0) - (shift < 0)
            # A payment moved by a weekend may lie in the month before or after its own.
            for _ in range(2):
                month += calendar.day_in(month, nominal, shift) <= last + 15
            flows.append((amount, month, nominal, shift, 0))
        else:
            flows.append((amount, 0, 0, last, max(1, round(gap))))
    ahead = 0
    # Occurrence by occurrence, so that what falls on one day is added up in the order of a block.
    while flows and ahead <= days:
        within: list[tuple[float, int, int, int, int]] = []
        for flow in flows:
            amount, month, nominal, place, step = flow
            if step:
                when = place + step * (ahead + 1)
            else:
                when = calendar.day_in(month + ahead, nominal, place)
            if when <= today + days:
                made[max(0, when - today - 1)] += amount
                within.append(flow)
        flows, ahead = within, ahead + 1
    return made


def residual(kept: bytes, *, today: int, history: int) -> list[float]:
    """Net flows without mature streams of so many days (1..192), oldest first, minor units."""
    kept = book.current(kept)
    ring: tuple[float, ...] = _RING.unpack_from(kept, book.ROWS_AT[_RESIDUAL])
    # Days since the newest movement lie where older ones were.
    idle = min(history, max(0, today - book.head(kept).last))
    first = (today - history + 1) % book.DAYS
    values = (ring[first:] + ring[:first])[: history - idle]
    return [value * book.SCALE for value in values] + [0.0] * idle


def walk(past: list[float], regular: list[float], *, ahead: float, threshold: float) -> Walks:
    """The scenarios that begin on every third day of the past, whose end joins its beginning.

    Args:
        past: Net flows without what is regular, oldest first, minor units.
        regular: What is due by day, tomorrow first, minor units; as many days as are looked ahead.
        ahead: The balance now, with what is authorised.
        threshold: What ``firsts`` fall below.
    """
    history, days = len(past), len(regular)
    lows: list[float] = []
    firsts: list[int] = []
    pictured: list[list[float]] = [[] for _ in range(0, days, PICTURED_DAYS)]
    # The past again and again, as far as the scenario that starts last goes.
    round_again = past * (1 + (days + history - 1) // history)
    for start in range(0, history, STRIDE_DAYS):
        balance: float = past[start] + ahead + regular[0]
        pictured[0].append(balance)
        low, first = balance, 0 if balance < threshold else days
        place, next_pictured = 1, PICTURED_DAYS
        for day in range(1, days):
            balance += round_again[start + day] + regular[day]
            if balance < low:
                low = balance
                if balance < threshold and first == days:
                    first = day
            if day == next_pictured:
                pictured[place].append(balance)
                place, next_pictured = place + 1, next_pictured + PICTURED_DAYS
        lows.append(low)
        if first < days:
            firsts.append(first)
    return Walks(lows, firsts, pictured)


def share_below(lows: list[float], *, threshold: float, width: float) -> float:
    """The smoothed share of the lows that lie below a threshold, within 0..1.

    Source: (½ + Σ Φ((threshold − low) / width)) / (1 + K), the rule of succession.
    """
    votes = 0
    for low in lows:
        votes += int(scalar.normal_cdf((threshold - low) / width) * GRID)
    return (0.5 + votes / GRID) / (1 + len(lows))


class Described(NamedTuple):
    """What `described` is told of one customer, minor units; ``flows`` and ``floors`` as in `describe.NAMES`."""

    balance: float
    scale: float
    tenth: float
    middle: float
    quarter: float
    due_low: float
    again: float
    flows: tuple[float, float, float]
    history: float
    floors: tuple[float, float, float]
    spread: float


def described(
    seen: Described, threshold: float, below_slid: float, below_same: float
) -> list[float]:
    """The features of `operators.forecasting.describe` under one threshold, in the order of its names."""
    scale, above = seen.scale, seen.balance - threshold
    net_30, net_90, due_end = seen.flows
    low_30, low_90, peak = seen.floors
    return [
        scalar.log(below_slid / (1.0 - below_slid)),
        scalar.log(below_same / (1.0 - below_same)),
        scalar.asinh((above + seen.tenth) / scale),
        scalar.asinh((above + seen.middle) / scale),
        scalar.asinh((above + seen.quarter) / scale),
        scalar.asinh(above / scale),
        scalar.asinh(net_30 / scale),
        scalar.asinh(net_90 / scale),
        scalar.asinh(due_end / scale),
        scalar.asinh((above + seen.due_low) / scale),
        scalar.log(seen.history),
        scalar.asinh(low_30 / scale),
        scalar.asinh(low_90 / scale),
        scalar.asinh(peak / scale),
        scalar.log(scale / 100.0),
        scalar.log(max(threshold, 0.0) / scale + 0.05),
        scalar.asinh((seen.again - threshold) / scale),
        scalar.log(1.0 + seen.spread / scale),
    ]


def quantiles(values: list[float], shares: tuple[float, ...]) -> list[float]:
    """Quantiles, between neighbours in proportion; 0 of nothing."""
    if not values:
        return [0.0] * len(shares)
    ordered = sorted(values)
    last = len(ordered) - 1
    made: list[float] = []
    for share in shares:
        place = last * share
        at = int(place)
        low, high = ordered[at], ordered[min(at + 1, last)]
        made.append(low + (high - low) * (place - at))
    return made


def middle_of(values: list[float]) -> tuple[int, int, int]:
    """The 10 % quantile, median and 90 % quantile, towards zero."""
    ordered = sorted(values)
    last = len(ordered) - 1
    return int(ordered[last // 10]), int(ordered[last // 2]), int(ordered[last - last // 10])
