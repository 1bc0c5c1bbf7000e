"""The town: residents, one agenda, events in order of time, and ears for what the bank says."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any

from schemas.base import DAY_MS, HOUR_MS
from scripts.town import answers, consequences, routine, truth
from scripts.town.founding import found, settle_in
from scripts.town.resident import Resident
from scripts.town.stage import Emitted, Faults, Stage

START = datetime(2025, 3, 3, tzinfo=UTC)
"""A Monday, so that weeks are whole."""
VALUE_DAYS = 30
HEARD_MAX = 200_000


class Town:
    """A seeded town. The same seed, size and offers heard at the same times give the same bytes.

    Iterate it for an endless stream of `Emitted` in order of time, or take it piecewise with `until`.
    ``offer`` tells a resident something; the answer is among the events that follow.

    Example:
        >>> first = next(iter(Town("doc", 3)))
        >>> first.topic, first.key in {"c00000", "c00001", "c00002"}
        ('profiles', True)
    """

    def __init__(
        self,
        seed: str | int,
        customers: int,
        *,
        start: datetime = START,
        value_days: int = VALUE_DAYS,
        faults: Faults | None = None,
        known: int = 0,
        known_days: int = 120,
    ) -> None:
        """Found the town.

        Args:
            seed: Names the town.
            customers: How many residents.
            start: The first instant, aware.
            value_days: How often each resident's value is reported.
            faults: Shares of late, doubled and broken records.
            known: How many residents have banked before the start; their history comes first, as a first copy does.
            known_days: How long before.
        """
        self.seed = str(seed)
        self.start_ms = round(start.timestamp() * 1000)
        self.stage = Stage(seed=self.seed, faults=faults or Faults())
        self.stage.now_ms = self.start_ms - known_days * DAY_MS if known else self.start_ms
        self.stage.history_until_ms = self.start_ms
        self.residents: dict[str, Resident] = {}
        self._items: dict[str, Mapping[str, Any]] = {}
        self._heard: dict[str, None] = {}
        spread = Random(f"{self.seed}/town")
        for index in range(customers):
            who = found(self.seed, index, year=start.year)
            who.margin_minor = consequences.margin(who)
            self.residents[who.id] = who
            begins_ms = self.stage.now_ms if index < known else self.start_ms
            arrives_ms = begins_ms + round(10 * HOUR_MS * spread.random())
            self.stage.plan(arrives_ms, who, settle_in)
            self.stage.plan(arrives_ms, who, routine.wake)
            reckons_ms = arrives_ms + round(value_days * DAY_MS * (0.2 + 0.8 * spread.random()))
            self.stage.plan(reckons_ms, who, consequences.reckon, value_days)

    @property
    def now_ms(self) -> int:
        """The simulated time, ms since 1970 UTC."""
        return self.stage.now_ms

    def __iter__(self) -> Iterator[Emitted]:
        """Events for ever (or until nobody is left)."""
        return self.until(None)

    def until(self, end_ms: int | None) -> Iterator[Emitted]:
        """The events before an instant, in order of time; ``None`` is no end."""
        stage = self.stage
        while True:
            while stage.out:
                yield stage.out.popleft()
            due_ms = stage.due_ms()
            if due_ms is None or (end_ms is not None and due_ms >= end_ms):
                return
            stage.step()

    def offer(self, message: Mapping[str, Any], now_ms: int | None = None) -> float | None:
        """Tell a resident what the bank says; told twice, it is heard once.

        Args:
            message: A message of the ``offers`` topic.
            now_ms: When it arrives; never before the town's own time.

        Returns:
            The true probability that it will be completed; None if it is no news or not for us.
        """
        who = self.residents.get(str(message.get("customer")))
        key = str(message.get("idempotency_key"))
        if who is None or who.gone or key in self._heard:
            return None
        if message.get("type") not in {"offer.issued", "intervention.issued"}:
            return None
        self._heard[key] = None
        if len(self._heard) > HEARD_MAX:
            del self._heard[next(iter(self._heard))]
        self.learn_item(message)
        return answers.hear(self.stage, who, message, now_ms=max(now_ms or 0, self.now_ms))

    def learn_item(self, item: Mapping[str, Any]) -> None:
        """Remember that something can be said, for `best_probability`."""
        self._items.setdefault(str(item["action"]), item)

    def true_probability(self, customer: str, offer: Mapping[str, Any]) -> float:
        """The truth that learners never see: P(completed) if this were said now."""
        return truth.probability(self.residents[customer], offer, now_ms=self.now_ms)

    def best_probability(self, customer: str) -> float:
        """The best that anything said in the town so far could do now, minding no policy: a bound."""
        who = self.residents[customer]
        return max(
            (truth.probability(who, item, now_ms=self.now_ms) for item in self._items.values()),
            default=0.0,
        )
