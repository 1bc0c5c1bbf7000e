"""Regular payments at other banks: streams by payee and account, so that what is paid twice can be seen.

Stage: 2 of 8. In: openbanking.transaction. Out: memory, feature values, `streams_of`.

Memory: ``{payee + account: stream}``, empty until the first payment; the keys are hashes (`key_of`), a stream is the
list of `streams.Stream`. At most `STREAMS_MAX` are held. Only money out to a payee that has a name is followed.
"""

from collections.abc import Mapping
from typing import Any
from zlib import crc32

from operators.contracts import FeatureSpec, Slot
from operators.features import book
from operators.features.money import MONTH_DAYS, Flow, flow_of, unit_of
from operators.features.recurring import subscription
from operators.features.streams import HITS_MIN, Stream, begin, hit
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import EventBase, ExternalTransaction

STREAMS_MAX = 16
PAYEE = 8
"""How much of a key stands for the payee; the rest stands for the account."""
CURRENCY = "currency"


def _spec(name: str, unit: str, description: str, words: str) -> FeatureSpec:
    return FeatureSpec(
        "outside." + name, Source.OPEN_BANKING, unit, description, words,
        window_days=None, owner="open banking",
    )  # fmt: skip


class RegularOutside:
    """Bills and subscriptions that leave accounts at other banks, found as those here are.

    Amounts of another currency than the first one's are left out, there being no rate.
    """

    slot: Slot = Slot("outside", Source.OPEN_BANKING, dict)
    kinds: frozenset[str] = frozenset({"openbanking.transaction"})
    specs: tuple[FeatureSpec, ...] = (
        _spec("regular_count", "count", "Regular payments from accounts at other banks.",
              "your regular payments at other banks"),
        _spec("subscription_count", "count", "Subscriptions paid from accounts at other banks.",
              "your subscriptions at other banks"),
        _spec("subscription_month_eur", "major / month", "Subscriptions paid from accounts at other banks, a month.",
              "your subscriptions at other banks"),
    )  # fmt: skip

    def update(self, memory: Memory, event: EventBase, *, now_ms: int) -> Memory:  # noqa: ARG002 - the event tells its time
        """Fold one payment; a late one bends no rhythm that is already known."""
        if not isinstance(event, ExternalTransaction):
            return memory
        flow = flow_of(event)
        if flow.amount_minor >= 0 or flow.refund or not flow.party:
            return memory
        if event.currency != memory.get(CURRENCY, event.currency):
            return memory
        key = key_of(flow, event.account)
        made = {CURRENCY: event.currency, **memory}
        made[key] = list(_paid(memory.get(key), flow, event.method))
        if len(made) > STREAMS_MAX + 1:
            newest = max(row[1] for name, row in made.items() if name != CURRENCY)
            del made[min(streams_of(made), key=lambda name: _standing(made[name], newest))]
        return made

    def read(self, memory: Memory, *, now_ms: int) -> tuple[float, ...]:
        """The values of `specs` at an instant.

        Example:
            >>> RegularOutside().read({}, now_ms=0)
            (0.0, 0.0, 0.0)
        """
        running = current(memory, today=now_ms // DAY_MS).values()
        kept = [stream for stream in running if subscription(stream)]
        return (float(len(running)), float(len(kept)), month(kept, memory))


def key_of(flow: Flow, account: str) -> str:
    """The payee's hash as in the book of regular payments here, and the account's.

    Example:
        >>> key_of(Flow(0, 0, -999, "subscriptions", "m:film club", False), "x-1")[:PAYEE] == payee_of("m:film club")
        True
    """
    return payee_of(flow.party) + f"{crc32(account.encode()):08x}"


def payee_of(party: str) -> str:
    """What a payee is called in memories: the name of the stream of what is paid to it."""
    return book.name_of("-" + party)


def streams_of(memory: Mapping[str, Any]) -> dict[str, Stream]:
    """Every stream that is remembered, by its key and in their order."""
    return {name: Stream(*memory[name]) for name in sorted(memory) if name != CURRENCY}


def current(memory: Mapping[str, Any], *, today: int) -> dict[str, Stream]:
    """The streams that are mature and current on a day."""
    return {name: s for name, s in streams_of(memory).items() if s.current(today)}


def month(streams: list[Stream], memory: Mapping[str, Any]) -> float:
    """What some streams come to a month, major units."""
    unit = unit_of(memory.get(CURRENCY, ""))
    return sum(abs(s.amount) * MONTH_DAYS / s.gap for s in streams) / unit


def _paid(row: list[Any] | None, flow: Flow, method: str) -> Stream:
    if row is None:
        return begin(flow.day, flow.amount_minor, category=flow.category, method=method)
    before = Stream(*row)
    if flow.day >= before.last:
        return hit(before, flow.day, flow.amount_minor, known_payee=True)
    if before.hits > 1:
        return before._replace(first=min(before.first, flow.day))
    # Two payments in the wrong order: as if the later one had come second.
    first = begin(flow.day, flow.amount_minor, category=before.category, method=before.method)
    return hit(first, before.last, before.latest, known_payee=True)


def _standing(row: list[Any], newest: int) -> tuple[bool, int]:
    """What goes first: what shows no rhythm, then what has been silent for longest."""
    stream = Stream(*row)
    rhythm = stream.matured > 0 and stream.current(newest)
    return rhythm, -(newest - stream.last) * (1 if stream.hits >= HITS_MIN else 3)
