"""What is paid for twice: subscriptions here beside those at other banks.

Stage: 2 of 8, when read. In: memories of ``recurring``, ``outside``. Out: feature values.

A payee is the same where its name is (`operators.features.money.party_of`); amounts elsewhere in another currency
than the account here do not add up without a rate, and are left out.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from operators.features import book, outside
from operators.features.money import MONTH_DAYS, unit_of
from operators.features.recurring import subscription
from operators.features.views.lens import Lens, Reading
from schemas.base import DAY_MS, Source
from schemas.customer import Memory


class Subscribed(NamedTuple):
    """What each payee of a subscription takes a month, major units, one number for each account that pays it."""

    by_payee: dict[str, list[float]]

    @property
    def twice(self) -> list[list[float]]:
        """Those that more than one account pays."""
        return [months for months in self.by_payee.values() if len(months) > 1]


def look(memories: Mapping[str, Memory], now_ms: int) -> Subscribed | None:
    """Subscriptions here and elsewhere at an instant."""
    here, elsewhere = memories.get("recurring"), memories.get("outside")
    if not here and not elsewhere:
        return None
    return subscribed(here or b"", elsewhere or {}, today=now_ms // DAY_MS)


def subscribed(here: Any, elsewhere: Mapping[str, Any], *, today: int) -> Subscribed:
    """Subscriptions that run on a day, by payee.

    Args:
        here: The memory of ``recurring``.
        elsewhere: The memory of ``outside``.
        today: Days since 1970.
    """
    found: dict[str, list[float]] = defaultdict(list)
    currency = elsewhere.get(outside.CURRENCY, "")
    if isinstance(here, bytes) and here:
        head = book.head(here)
        currency = head.currency.decode()
        for name, stream in book.streams_of(here, mature=True).items():
            if stream.amount < 0 and stream.current(max(today, head.last)) and subscription(stream):
                month = -stream.amount * MONTH_DAYS / stream.gap
                found[name].append(month / unit_of(currency))
    if elsewhere.get(outside.CURRENCY, currency) == currency:
        for key, stream in outside.current(elsewhere, today=today).items():
            if subscription(stream):
                found[key[: outside.PAYEE]].append(outside.month([stream], elsewhere))
    return Subscribed(dict(found))


OVERLAP_VIEW: Lens[Subscribed] = Lens(
    "overlap",
    slots=("recurring", "outside"),
    sources=(Source.TRANSACTIONS, Source.OPEN_BANKING),
    owner="open banking",
    look=look,
    readings=(
        Reading("subscriptions_count", "count", "Payees of subscriptions, here and at other banks.",
                "your subscriptions, here and elsewhere", lambda s: len(s.by_payee)),
        Reading("subscriptions_month_eur", "major / month", "Subscriptions here and at other banks, a month.",
                "your subscriptions, here and elsewhere", lambda s: sum(map(sum, s.by_payee.values()))),
        Reading("duplicates_count", "count", "Subscriptions that more than one account pays.",
                "subscriptions that you may pay twice", lambda s: len(s.twice)),
        Reading("duplicates_month_eur", "major / month", "What is paid for them beyond the dearest of each, a month.",
                "subscriptions that you may pay twice", lambda s: sum(sum(months) - max(months) for months in s.twice)),
    ),
)  # fmt: skip
"""Subscriptions across banks: shown only where both may be used."""
