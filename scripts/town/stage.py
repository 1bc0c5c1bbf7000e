"""The town's clock and mouth: an agenda in time order, and the events that acts let out.

Every act is a function of (stage, resident, now, what); it may plan further acts and tell events. Faults of
real feeds (late, doubled and broken records) are made here, so that no act has to know of them.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappop, heappush
from random import Random
from typing import Any, NamedTuple

import orjson

from schemas.base import HOUR_MS, stamp
from schemas.events import TOPIC_OF_KIND_PREFIX
from scripts.town.resident import Resident

MINUTE_MS = 60_000
COPIED: frozenset[str] = frozenset({"transactions", "open-banking", "profiles", "consents"})
"""What a first copy of a customer holds: accounts and contract, and not every tap of the app."""
TOPICS: dict[str, str] = {}


class Emitted(NamedTuple):
    """One record as it leaves the town: ``at_ms`` is when, ``fault`` what is wrong with it ("" if nothing)."""

    at_ms: int
    topic: str
    key: str
    event: dict[str, Any]
    fault: str = ""

    def value(self) -> bytes:
        """The bytes on the wire; a ``truncated`` record stops half-way."""
        data = orjson.dumps(self.event)
        return data[: len(data) // 2] if self.fault == "truncated" else data


@dataclass(slots=True, frozen=True)
class Faults:
    """Shares of all events that come late, twice, or with a broken copy."""

    late: float = 0.004
    twice: float = 0.003
    broken: float = 0.0015


Act = Callable[["Stage", Resident, int, Any], None]


class Stage:
    """What acts are given."""

    def __init__(self, *, seed: str, faults: Faults) -> None:
        """An empty agenda."""
        self.seed = seed
        self.faults = faults
        self.now_ms = 0
        self.history_until_ms = 0
        self.out: deque[Emitted] = deque()
        self._rng = Random(f"{seed}/stage")
        self._agenda: list[tuple[int, int, Act | None, Resident, Any]] = []
        self._count = 0

    def plan(self, at_ms: int, who: Resident, act: Act, what: Any = None) -> None:
        """Have an act done at an instant; what is due in the past is done now."""
        self._count += 1
        heappush(self._agenda, (max(at_ms, self.now_ms), self._count, act, who, what))

    def due_ms(self) -> int | None:
        """When the next act is due."""
        return self._agenda[0][0] if self._agenda else None

    def step(self) -> None:
        """Do the next act, or let out a record that was held back; nothing comes of who is gone."""
        at_ms, _, act, who, what = heappop(self._agenda)
        self.now_ms = at_ms
        if who.gone:
            return
        if act is None:
            self.out.append(what._replace(at_ms=at_ms))
        else:
            act(self, who, at_ms, what)

    def tell(self, who: Resident, kind: str, /, **fields: Any) -> str:
        """Let out one event of a resident, now; returns its id."""
        who.event_count += 1
        event_id = f"{who.id}-{who.event_count:06d}"
        event: dict[str, Any] = {
            "kind": kind,
            "event_id": event_id,
            "customer": who.id,
            "at": stamp(self.now_ms),
        }
        event.update(fields)
        topic = TOPICS.get(kind)
        if topic is None:
            topic = TOPICS[kind] = TOPIC_OF_KIND_PREFIX[kind.partition(".")[0]]
        record = Emitted(self.now_ms, topic, who.id, event)
        if self.now_ms < self.history_until_ms:
            if topic in COPIED:
                event["snapshot"] = True
                self.out.append(record)
            return event_id
        faults, u = self.faults, self._rng.random()
        if u < faults.late and topic in {"transactions", "app-events", "locations"}:
            self._hold(who, record, hours=1 + 20 * self._rng.random())
            return event_id
        self.out.append(record)
        if u > 1 - faults.twice:
            self._hold(who, record, hours=2 * self._rng.random())
        elif u > 1 - faults.twice - faults.broken:
            self.out.append(self._broken(record))
        return event_id

    def _hold(self, who: Resident, record: Emitted, *, hours: float) -> None:
        self._count += 1
        due_ms = self.now_ms + round(hours * HOUR_MS)
        heappush(self._agenda, (due_ms, self._count, None, who, record))

    def _broken(self, record: Emitted) -> Emitted:
        """A copy that no reader can use, under an id of its own so that nothing good is shadowed."""
        event = {**record.event, "event_id": f"{record.event['event_id']}-x"}
        fault = self._rng.choice(("truncated", "missing", "unknown", "type", "newer"))
        if fault == "missing":
            del event["at"]
        elif fault == "unknown":
            event["kind"] = "tea.poured"
        elif fault == "type":
            event["at"] = "yesterday"
        elif fault == "newer":
            event["version"] = 99
        return record._replace(event=event, fault=fault)
