"""What feeds the demo: the town, which answers, or a replay, which can't."""

from collections.abc import Iterator
from typing import Any, Protocol

from flows.catalogue import load
from schemas.base import Channel
from schemas.offers import Item
from scripts.console.acceptance import Choices, Judged, arm_of
from scripts.console.tally import MINOR_PER_EUR, Tally, allowed_in
from scripts.demo_app.options import Options
from scripts.replay.berka import berka
from scripts.town import Emitted, Town

KNOWN = 30
"""Residents whose history the bank has copied before the demo begins: there is something to foresee from the first day."""
KNOWN_DAYS = 100
VALUE_DAYS = 10
"""How often a resident's value is reported; shorter than a month so that a short run sees some."""


class World(Protocol):
    """A source of events that may listen."""

    name: str
    answering: bool
    customers: int
    live_from_ms: int
    """When its own time begins; what is of before is history."""

    def events(self) -> Iterator[Emitted]:
        """Events in order of simulated time."""
        ...

    def hear(self, message: dict[str, Any]) -> None:
        """Something was said to a customer."""
        ...

    def judge(self, decision: dict[str, Any], tally: Tally) -> None:
        """A decision was made, silence or not."""
        ...


class TownWorld:
    """The simulated town."""

    name = "simulated town"
    answering = True

    def __init__(self, seed: str, customers: int, *, known: int = 0) -> None:
        """Found it; of some residents the bank has copied what was before."""
        self.customers = customers
        self._town = Town(
            seed,
            customers,
            value_days=VALUE_DAYS,
            known=known,
            known_days=KNOWN_DAYS,
        )
        self.live_from_ms = self._town.start_ms
        self._items = {item.id: item for item in load()}

    def events(self) -> Iterator[Emitted]:
        """The town's life."""
        return iter(self._town)

    def hear(self, message: dict[str, Any]) -> None:
        """Let the resident answer."""
        self._town.offer(message)

    def chances(self, decision: dict[str, Any]) -> dict[str, float]:
        """The true chance that each allowed item is taken up if it is said now; empty for a stranger."""
        customer = str(decision.get("customer"))
        if customer not in self._town.residents:
            return {}
        channel = str(decision.get("channel") or Channel.PUSH)
        return {
            item.id: self._town.true_probability(customer, _as_offer(item, channel))
            for action in allowed_in(decision)
            if (item := self._items.get(action))
        }

    def judge(self, decision: dict[str, Any], tally: Tally) -> None:
        """Tell the console how good the choice truly was, among what the rules allowed."""
        accepted = tally.acceptance
        allowed = [item for action in allowed_in(decision) if (item := self._items.get(action))]
        chances = self.chances(decision)
        if not chances:
            return
        worths = {
            item.id: chances[item.id]
            * (item.value_customer_minor + item.value_bank_minor)
            / MINOR_PER_EUR
            for item in allowed
        }
        chosen = str(decision.get("chosen"))
        greedy = max(allowed, key=lambda item: (accepted.popularity(item.id), item.id)).id
        tally.judge(
            Judged(
                arm=arm_of(str(decision.get("arm"))),
                chance=_choices(chances, chosen=chosen, greedy=greedy),
                worth=_choices(worths, chosen=chosen, greedy=greedy),
            )
        )


def _choices(values: dict[str, float], *, chosen: str, greedy: str) -> Choices:
    """What could have been done; saying nothing is worth 0, and an even draw may fall on it."""
    return Choices(
        chosen=values.get(chosen, 0.0),
        even=sum(values.values()) / (len(values) + 1),
        greedy=values[greedy],
        best=max(0.0, *values.values()),
    )


def _as_offer(item: Item, channel: str) -> dict[str, Any]:
    asks = None
    if item.asks_purpose is not None and item.asks_source is not None:
        asks = {"purpose": item.asks_purpose.value, "source": item.asks_source.value}
    return {
        "action": item.id,
        "kind": item.kind.value,
        "category": item.category,
        "product": item.product,
        "feature": item.feature,
        "channel": channel,
        "asks": asks,
    }


class BerkaWorld:
    """A replay; nobody in it answers."""

    name = "replay of the Berka bank"
    answering = False
    live_from_ms = 0

    def __init__(self, options: Options) -> None:
        """Read the files, so that a flaw shows before anything is started.

        Raises:
            ReplayError: They can't be replayed.
        """
        assert options.replay is not None  # noqa: S101 - only made for a replay
        self._records = list(berka(options.replay, customers=options.customers))
        self.customers = len({record.key for record in self._records})

    def events(self) -> Iterator[Emitted]:
        """The bank's history."""
        return iter(self._records)

    def hear(self, message: dict[str, Any]) -> None:
        """The people of 1993 do not answer."""
        del message

    def judge(self, decision: dict[str, Any], tally: Tally) -> None:
        """Nor does anybody know what they wanted."""
        del decision, tally
