"""The shapes of the plug-ins, on one page. A new plug-in is one file, its test, and one registry line.

A plug-in with memory declares a `Slot`; it owns no storage. Memories are JSON-able values that are
replaced, never changed in place. No plug-in reads a clock: ``now_ms`` is the event's time.
A plug-in that can't answer raises `ComponentError`; decide degrades, which means saying less.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.base import Purpose, Source
from schemas.consents import Controller
from schemas.customer import Contact, Customer, Memory
from schemas.decisions import Candidate, Choice, Verdict
from schemas.events import EventBase
from schemas.models import ForecastSnapshot, Models
from schemas.offers import Item
from schemas.rules import Rules
from schemas.signals import Forecast, Reading, Signal

TTL_DAYS = 730
"""How long a memory outlives what it remembers, where its slot says nothing else."""
EVERY_PURPOSE: frozenset[Purpose] = frozenset(Purpose)


@dataclass(slots=True, frozen=True)
class Slot:
    """A named memory inside the customer record.

    ``source`` is what it remembers data of: it is erased when the customer's last consent for that source
    goes. ``zero`` makes the empty memory. ``version`` changes when the memory's shape does. A memory that
    nothing was written to for ``ttl_days`` is forgotten.
    """

    name: str
    source: Source
    zero: Callable[[], Memory]
    version: int = 1
    ttl_days: int = TTL_DAYS


@dataclass(slots=True, frozen=True)
class FeatureSpec:
    """A declared feature; its memory is that of the group that declares it, or those of its view.

    ``source`` is what it is made of, ``also`` what else; it is shown where all of them may be used. ``unit`` is the unit of the raw value. ``window_days`` is how far back it looks, or fades; None where
    it tells how things stand, however long ago they became so. ``owner`` is the team to ask about it.
    ``purposes`` are what it may be used for where its source is granted for that purpose as well; to hold
    something back is no use of it. ``words`` names it to a customer ("your spending on travel").
    ``centre`` and ``scale`` are frozen: the bandit sees (value − centre) / scale, clipped to ±8, on the
    2^-10 grid. ``context`` features are seen by the bandit; the others are for rules, signals and people.
    """

    name: str
    source: Source
    unit: str
    description: str
    words: str
    centre: float = 0.0
    scale: float = 1.0
    context: bool = False
    window_days: int | None = field(kw_only=True)
    owner: str = field(kw_only=True)
    purposes: frozenset[Purpose] = field(kw_only=True, default=EVERY_PURPOSE)
    also: tuple[Source, ...] = field(kw_only=True, default=())

    @property
    def sources(self) -> frozenset[Source]:
        """Everything that it is made of."""
        return frozenset((self.source, *self.also))


class FeatureGroup(Protocol):
    """Features that share one memory."""

    slot: Slot
    kinds: frozenset[str]
    specs: tuple[FeatureSpec, ...]

    def update(self, memory: Memory, event: EventBase, *, now_ms: int) -> Memory:
        """Fold one event (of `kinds`) into the memory; returns the new memory. Tolerates late events."""
        ...

    def read(self, memory: Memory, *, now_ms: int) -> tuple[float, ...]:
        """The values at ``now_ms``, aligned with `specs`; a zero memory gives finite values."""
        ...


class FeatureView(Protocol):
    """Features worked out when somebody asks, from memories that others keep; a view has no memory itself."""

    name: str
    slots: tuple[str, ...]
    """Names of the slots that it reads: all of them, and no other."""
    specs: tuple[FeatureSpec, ...]

    def look(self, memories: Mapping[str, Memory], *, now_ms: int) -> Any:
        """What its features at ``now_ms`` are read from, worked out once; a slot may be missing."""
        ...

    def read(self, seen: Any, name: str) -> float:
        """One feature of what `look` returned; finite, also where nothing is known."""
        ...


class Moment(Struct, frozen=True):
    """What a sense may look at. ``memories`` holds only slots of admitted sources."""

    event: EventBase
    now_ms: int
    memories: Mapping[str, Memory]
    features: Mapping[str, float]
    forecasts: Mapping[str, Forecast | None]
    reading: Reading | None = None
    rules: Rules = msgspec.field(default_factory=Rules)


class Forecaster(Protocol):
    """Looks ahead from memories."""

    name: str
    needs: tuple[str, ...]
    """Names of the slots that it reads; it abstains (None) when one is missing."""

    def forecast(
        self,
        memories: Mapping[str, Memory],
        *,
        now_ms: int,
        rules: Rules,
        learnt: ForecastSnapshot | None = None,
    ) -> Forecast | None:
        """A forecast, or None to abstain; ``learnt`` is what serves of forecasts that came due."""
        ...


class Trigger(Protocol):
    """Notices a moment worth answering."""

    name: str
    kinds: frozenset[str]
    needs: tuple[str, ...]
    """Names of the slots, features and forecasts that it reads (as ``slot:…``, ``feature:…``, ``forecast:…``)."""
    emits: tuple[str, ...]
    slot: Slot | None

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """The new memory (None without a slot) and the signals that fire on this event."""
        ...


class Reader(Protocol):
    """Reads a masked text."""

    name: str

    def read(self, embedding: NDArray[np.float32], *, text: str, models: Models) -> Reading:
        """The reading of one text, from its embedding of shape (E,), L2-normalised."""
        ...


class Encoder(Protocol):
    """Text to embedding. Loaded by flows (it needs a file); pure once loaded."""

    name: str
    size: int

    def encode(self, text: str) -> NDArray[np.float32]:
        """The L2-normalised embedding of a text, shape (size,)."""
        ...


@dataclass(slots=True)
class Situation:
    """What a policy may look at besides the candidate.

    ``used_up`` are the items of which no more may be said today. ``readable`` are the sources that may be looked at to hold something back: those granted for any
    purpose that a decision serves; consent to training alone will not do.
    """

    customer: Customer
    now_ms: int
    features: Mapping[str, float]
    forecasts: Mapping[str, Forecast | None]
    rules: Rules
    models: Models
    readable: frozenset[Source]
    used_up: frozenset[str] = frozenset()
    consents: dict[Purpose, frozenset[Source]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )
    heard: dict[int, list[Contact]] = field(
        default_factory=dict, init=False, compare=False, repr=False
    )

    def granted(self, purpose: Purpose) -> frozenset[Source]:
        """The sources granted for a purpose now; looked up once for all candidates."""
        made = self.consents.get(purpose)
        if made is None:
            made = self.consents[purpose] = self.customer.granted(purpose, self.now_ms)
        return made

    def said_within(self, span_ms: int) -> list[Contact]:
        """What was said to the customer in so long; looked through once for all candidates."""
        made = self.heard.get(span_ms)
        if made is None:
            contacts, now_ms = self.customer.contacts, self.now_ms
            made = self.heard[span_ms] = [c for c in contacts if now_ms - c.at_ms < span_ms]
        return made


class Policy(Protocol):
    """A rule that may refuse a candidate. All must allow; one that raises denies."""

    name: str
    source: str
    """The law, standard or bank policy that it comes from."""

    def judge(self, candidate: Candidate, situation: Situation) -> Verdict:
        """Allowed, or the rule that refuses with its words to the customer."""
        ...


class Alternatives(Struct, frozen=True):
    """What a bandit chooses from, in offer-id order, silence last.

    ``contexts[i]`` is the context of action i, shape (dx,): masked to what its purpose may see.
    ``action_features[i]`` has shape (da,). ``key`` keys the draw (a decision id).
    ``explore`` is False for customers who must not be experimented on.
    """

    actions: tuple[str, ...]
    contexts: tuple[tuple[float, ...], ...]
    action_features: tuple[tuple[float, ...], ...]
    key: str
    explore: bool = True


class Bandit(Protocol):
    """Chooses one of the alternatives with exact propensities."""

    name: str

    def choose(self, alternatives: Alternatives, *, models: Models, rules: Rules) -> Choice:
        """The choice. Propensities of ``scored`` sum to 1 and are exact; the draw is keyed."""
        ...


@dataclass(frozen=True)
class World:
    """Everything that decide reads besides the customer and the event: the same for all customers."""

    catalogue: tuple[Item, ...]
    rules: Rules
    models: Models
    encoder: Encoder
    digests: Mapping[str, str] = field(default_factory=dict)
    controller: Controller = field(default_factory=Controller)
    seal: Callable[[dict[str, Any], str], dict[str, Any]] | None = None
    """Signs receipts; None where no key was given."""
    quiet: bool = False
    """Folds and senses, and never speaks: for working out again what was known."""
    caps: Mapping[str, int] = field(default_factory=dict)
    """Item → how many may be said a day in the whole bank, as whoever enforces it was told."""
    budgets: Mapping[str, int] = field(default_factory=dict)
    """Item → how many may be said in all."""
    used_up: frozenset[str] = frozenset()
    """Capped items of which this shard may not say one more now (`operators.leases`)."""

    @cached_property
    def answers(self) -> Mapping[str, tuple[Item, ...]]:
        """Signal → the items that answer it, in the order of the catalogue."""
        found: dict[str, list[Item]] = {}
        for item in self.catalogue:
            for signal in item.answers:
                found.setdefault(signal, []).append(item)
        return {signal: tuple(items) for signal, items in found.items()}

    def answering(self, signals: Iterable[str]) -> tuple[Item, ...]:
        """The items that answer any of these signals, each once."""
        found = {item.id: item for name in signals for item in self.answers.get(name, ())}
        return tuple(found.values())
