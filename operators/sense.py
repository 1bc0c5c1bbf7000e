"""Fold an event into the memories, and notice what it means.

Stage: 2 and 3 of 8. In: admitted event. Out: new memories, signals.

Reading is lazy: a feature group or a forecast is computed when somebody looks at it, so that most
events cost only their fold. A plug-in that fails is named and left out: less is said, never more.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from operators.consent import PURPOSES, Standing
from operators.contracts import Moment, World
from operators.draws import identify
from operators.features import FEATURES
from operators.features.app import in_use
from operators.forecasting import FORECASTERS
from operators.nlu import READERS
from operators.nlu.masking import mask
from operators.triggers import TRIGGERS
from schemas.base import Purpose, Source
from schemas.customer import Customer, LiveSignal, Memory
from schemas.decisions import Lesson
from schemas.events import EventBase, MessageLabelled, MessageRead, MessageReceived
from schemas.signals import Forecast, Reading, Signal

SOURCE_OF_SLOT: dict[str, Source] = {
    **{group.slot.name: group.slot.source for group in FEATURES},
    **{t.slot.name: t.slot.source for t in TRIGGERS if t.slot is not None},
}
GROUP_OF = {spec.name: group for group in FEATURES for spec in group.specs}
GROUPS_OF_KIND: dict[str, tuple[Any, ...]] = {}
for _group in FEATURES:
    for _kind in _group.kinds:
        GROUPS_OF_KIND[_kind] = (*GROUPS_OF_KIND.get(_kind, ()), _group)


class Lazy(Mapping[str, Any]):
    """A read-only mapping that computes a value when it is first looked at."""

    def __init__(self, names: Sequence[str], compute: Callable[[str], Mapping[str, Any]]) -> None:
        """Keep the names, and what computes one (and perhaps its neighbours)."""
        self._names = names
        self._compute = compute
        self._values: dict[str, Any] = {}

    def __getitem__(self, name: str) -> Any:
        """The value, computed once."""
        if name not in self._values:
            self._values.update(self._compute(name))
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        """All names, computed or not."""
        return iter(self._names)

    def __len__(self) -> int:
        """How many names there are."""
        return len(self._names)


class View:
    """What may be seen of one customer now; ``without`` hides sources, for counterfactuals."""

    def __init__(
        self,
        me: Customer,
        *,
        world: World,
        now_ms: int,
        stands: Standing,
        without: frozenset[Source] = frozenset(),
    ) -> None:
        """Look at a customer; nothing is computed yet. ``stands`` is what each purpose may use now."""
        self.world = world
        self.now_ms = now_ms
        self.without = without
        self.failed: list[str] = []
        self._stands = stands
        served = (stands[p] for p in PURPOSES if p is not Purpose.MODEL_TRAINING)
        self.readable = frozenset[Source]().union(*served) - without
        self.admitted = self.readable | (stands[Purpose.MODEL_TRAINING] - without)
        self.memories: dict[str, Memory] = {
            name: memory
            for name, memory in me.slots.items()
            if SOURCE_OF_SLOT.get(name) in self.admitted
        }
        self.features = Lazy(tuple(GROUP_OF), self._read)
        self.forecasts = Lazy(tuple(f.name for f in FORECASTERS), self._forecast)

    def blind_to(self, me: Customer, source: Source) -> "View":
        """The same view without a source, for what would have been said without it."""
        return View(
            me,
            world=self.world,
            now_ms=self.now_ms,
            stands=self._stands,
            without=self.without | {source},
        )

    def usable(self, purpose: Purpose) -> frozenset[Source]:
        """The sources that a purpose may use."""
        granted = self._stands[purpose]
        return granted - self.without if self.without else granted

    @property
    def app_features(self) -> frozenset[str]:
        """The features of the app that the customer is known to use."""
        memory = self.memories.get("app")
        return frozenset() if memory is None else in_use(memory, now_ms=self.now_ms)

    def allows(self, purpose: Purpose, sources: Sequence[Source]) -> bool:
        """Whether a purpose may use all of these sources."""
        return self.usable(purpose).issuperset(sources)

    def _read(self, name: str) -> dict[str, float]:
        group = GROUP_OF[name]
        memory = self.memories.get(group.slot.name)
        if memory is None:
            memory = group.slot.zero()
        try:
            values = group.read(memory, now_ms=self.now_ms)
        except Exception:  # noqa: BLE001 - any failure of a plug-in degrades, named
            self.failed.append(f"feature:{group.slot.name}")
            values = group.read(group.slot.zero(), now_ms=self.now_ms)
        return {spec.name: value for spec, value in zip(group.specs, values, strict=True)}

    def _forecast(self, name: str) -> dict[str, Forecast | None]:
        forecaster = next(f for f in FORECASTERS if f.name == name)
        try:
            made = forecaster.forecast(self.memories, now_ms=self.now_ms, rules=self.world.rules)
        except Exception:  # noqa: BLE001 - any failure of a plug-in degrades, named
            self.failed.append(f"forecast:{name}")
            made = None
        return {name: made}


def fold(me: Customer, event: EventBase, *, view: View, trace: list[str]) -> None:
    """Fold one admitted event into the memories of a customer copy; the view sees them folded."""
    trace.append("fold")
    for group in GROUPS_OF_KIND.get(event.kind, ()):
        name = group.slot.name
        memory = me.slots.get(name)
        try:
            me.slots[name] = view.memories[name] = group.update(
                group.slot.zero() if memory is None else memory, event, now_ms=view.now_ms
            )
        except Exception:  # noqa: BLE001 - any failure of a plug-in degrades, named
            trace.append(f"failed:feature:{name}")


def notice(me: Customer, event: EventBase, *, view: View, trace: list[str]) -> tuple[Signal, ...]:
    """Run the triggers that watch this kind of event; live signals are remembered on the copy."""
    trace.append("sense")
    moment = Moment(
        event=event,
        now_ms=view.now_ms,
        memories=view.memories,
        features=view.features,
        forecasts=view.forecasts,
        rules=view.world.rules,
    )
    signals: list[Signal] = []
    for trigger in TRIGGERS:
        if event.kind not in trigger.kinds:
            continue
        slot = trigger.slot
        memory = None
        if slot is not None:
            if slot.source not in view.admitted:
                continue
            memory = me.slots.get(slot.name)
            memory = slot.zero() if memory is None else memory
        try:
            memory, fired = trigger.sense(memory, moment)
        except Exception:  # noqa: BLE001 - any failure of a plug-in degrades, named
            trace.append(f"failed:trigger:{trigger.name}")
            continue
        if slot is not None:
            me.slots[slot.name] = memory
        signals += fired
    for signal in signals:
        me.signals[signal.name] = LiveSignal(
            at_ms=view.now_ms,
            until_ms=view.now_ms + signal.hold_ms,
            strength=signal.strength,
            sources=tuple(signal.sources),
            words=signal.words,
            evidence=signal.evidence,
        )
    return tuple(signals)


def read(event: MessageReceived, *, world: World, degraded: list[str]) -> MessageRead:
    """Read a message after masking personal data; the text goes no further than here."""
    reading = Reading(intent=None, intent_probability=0.0, sentiment=0.0, model="none")
    try:
        text = mask(event.text)
        embedding = world.encoder.encode(text)
        for reader in READERS:
            reading = reader.read(embedding, text=text, models=world.models)
    except Exception:  # noqa: BLE001 - any failure of a plug-in degrades, named
        degraded.append("failed:nlu")
    return MessageRead(
        event_id=event.event_id,
        customer=event.customer,
        at=event.at,
        channel=event.channel,
        intent=reading.intent,
        intent_probability=reading.intent_probability,
        sentiment=reading.sentiment,
    )


def label(me: Customer, event: MessageLabelled, *, world: World) -> Lesson:
    """A lesson for the reader: the embedding of a masked text with what a person said it meant."""
    embedding = world.encoder.encode(mask(event.text))
    return Lesson(
        lesson_id=identify(event.event_id, me.customer, "intent"),
        kind="intent",
        customer=me.customer,
        at_ms=event.at_ms,
        embedding=tuple(float(value) for value in embedding),
        intent=event.intent,
    )


def insight(me: Customer, signal: Signal, *, event: EventBase, now_ms: int) -> dict[str, Any]:
    """The record of a noticed thing for the ``insights`` topic."""
    return {
        "type": signal.name,
        "insight_id": identify(event.event_id, me.customer, signal.name),
        "customer": me.customer,
        "at_ms": now_ms,
        "strength": signal.strength,
        "sources": list(signal.sources),
        "words": signal.words,
        "evidence": signal.evidence,
    }


def erase(me: Customer, sources: frozenset[Source]) -> None:
    """Erase from a customer copy what was derived from sources that no consent covers any more."""
    if not sources:
        return
    for name in [n for n in me.slots if SOURCE_OF_SLOT.get(n) in sources]:
        del me.slots[name]
    for name in [
        n for n, live in me.signals.items() if not sources.isdisjoint(map(Source, live.sources))
    ]:
        del me.signals[name]
