"""Fold an event into the memories, and notice what it means.

Stage: 2 and 3 of 8. In: admitted event. Out: new memories, signals.

Reading is lazy: a feature group or a forecast is computed when somebody looks at it, so that most
events cost only their fold. A plug-in that fails is named and left out: less is said, never more.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from operators.consent import PURPOSES, Standing
from operators.contracts import FeatureGroup, FeatureView, Forecaster, Moment, Trigger, World
from operators.draws import identify
from operators.features import FEATURES, NAMES_OF, SPECS, UNKNOWN, VIEWS
from operators.features.app import in_use
from operators.forecasting import FORECASTERS
from operators.meant import Meant
from operators.nlu import READERS
from operators.nlu.masking import mask
from operators.slots import SOURCE_OF_SLOT
from operators.triggers import TRIGGERS
from schemas.base import Purpose, Source
from schemas.customer import Customer, LiveSignal, Memory
from schemas.decisions import Lesson
from schemas.events import EventBase, MessageLabelled, MessageRead, MessageReceived
from schemas.models import ForecastSnapshot
from schemas.rules import Rules
from schemas.signals import Forecast, Reading, Signal

GROUP_OF: dict[str, FeatureGroup] = {spec.name: group for group in FEATURES for spec in group.specs}
VIEW_OF: dict[str, FeatureView] = {spec.name: view for view in VIEWS for spec in view.specs}
SOURCES_OF: dict[str, frozenset[Source]] = {spec.name: spec.sources for spec in SPECS}
"""Feature → everything that it is made of."""
FORECASTER_OF: dict[str, Forecaster] = {forecaster.name: forecaster for forecaster in FORECASTERS}
GROUPS_OF_KIND: dict[str, tuple[FeatureGroup, ...]] = {
    kind: tuple(group for group in FEATURES if kind in group.kinds)
    for kind in sorted({kind for group in FEATURES for kind in group.kinds})
}
TRIGGERS_OF_KIND: dict[str, tuple[Trigger, ...]] = {
    kind: tuple(trigger for trigger in TRIGGERS if kind in trigger.kinds)
    for kind in sorted({kind for trigger in TRIGGERS for kind in trigger.kinds})
}

SERVED: tuple[Purpose, ...] = tuple(p for p in PURPOSES if p is not Purpose.MODEL_TRAINING)
"""The purposes that something may be said for."""


class Features(Mapping[str, float]):
    """The features by name, each group computed when one of its own is first looked at, each view feature by feature.

    ``looked_at`` is what somebody asked for, in that order: what a decision was made with.
    It holds the memories and not the view: no circle of references, so nothing is left to the collector.
    """

    __slots__ = ("_failed", "_memories", "_now_ms", "_seen", "_values", "looked_at")

    def __init__(self, memories: Mapping[str, Memory], *, now_ms: int, failed: list[str]) -> None:
        """Look at memories that may still be folded; what fails is named in ``failed``."""
        self._memories = memories
        self._now_ms = now_ms
        self._failed = failed
        self._values: dict[str, float] = {}
        self._seen: dict[str, Any] = {}
        self.looked_at: dict[str, float] = {}

    def __getitem__(self, name: str) -> float:
        """The value, computed once; of a zero memory when the group fails."""
        value = self.looked_at.get(name)
        if value is None:
            if name not in self._values:
                view = VIEW_OF.get(name)
                if view is None:
                    self._read(GROUP_OF[name])
                else:
                    self._values[name] = self._view(view, name)
            value = self.looked_at[name] = self._values[name]
        return value

    def __contains__(self, name: object) -> bool:
        """Whether there is such a feature; nothing is computed to tell."""
        return name in SOURCES_OF

    def blind(
        self, memories: Mapping[str, Memory], *, without: frozenset[Source], failed: list[str]
    ) -> "Features":
        """A look at the memories without some sources, which knows what this one computed of the others."""
        blind = Features(memories, now_ms=self._now_ms, failed=failed)
        blind._values = {
            name: value
            for name, value in self._values.items()
            if not without or without.isdisjoint(SOURCES_OF[name])
        }
        return blind

    def __iter__(self) -> Iterator[str]:
        """All names, computed or not."""
        return iter(SOURCES_OF)

    def __len__(self) -> int:
        """How many features there are."""
        return len(SOURCES_OF)

    def _read(self, group: FeatureGroup) -> None:
        name = group.slot.name
        memory = self._memories.get(name)
        if memory is None:
            self._values.update(UNKNOWN[name])
            return
        try:
            values = group.read(memory, now_ms=self._now_ms)
        except Exception:  # noqa: BLE001 - any failure of a plug-in degrades, named
            self._failed.append(f"feature:{name}")
            values = group.read(group.slot.zero(), now_ms=self._now_ms)
        self._values.update(zip(NAMES_OF[name], values, strict=True))

    def _view(self, view: FeatureView, name: str) -> float:
        try:
            seen = self._seen.get(view.name, self)
            if seen is self:
                seen = self._seen[view.name] = view.look(self._memories, now_ms=self._now_ms)
            return view.read(seen, name)
        except Exception:  # noqa: BLE001 - any failure of a plug-in degrades, named
            if f"feature:{view.name}" not in self._failed:
                self._failed.append(f"feature:{view.name}")
            return view.read(view.look({}, now_ms=self._now_ms), name)


class Forecasts(Mapping[str, Forecast | None]):
    """The forecasts by name, each made when it is first looked at."""

    __slots__ = ("_failed", "_learnt", "_made", "_memories", "_now_ms", "_rules")

    def __init__(
        self,
        memories: Mapping[str, Memory],
        *,
        now_ms: int,
        rules: Rules,
        learnt: ForecastSnapshot | None,
        failed: list[str],
    ) -> None:
        """Look ahead from memories that may still be folded; what fails is named in ``failed``."""
        self._memories = memories
        self._now_ms = now_ms
        self._rules = rules
        self._learnt = learnt
        self._failed = failed
        self._made: dict[str, Forecast | None] = {}

    def blind(
        self, memories: Mapping[str, Memory], *, without: frozenset[Source], failed: list[str]
    ) -> "Forecasts":
        """A look at the memories without some sources, which knows the forecasts that need none of them."""
        blind = Forecasts(
            memories, now_ms=self._now_ms, rules=self._rules, learnt=self._learnt, failed=failed
        )
        for name, made in self._made.items():
            if not any(SOURCE_OF_SLOT.get(slot) in without for slot in FORECASTER_OF[name].needs):
                blind._made[name] = made
        return blind

    def __getitem__(self, name: str) -> Forecast | None:
        """The forecast, made once; None when the forecaster abstains or fails."""
        if name not in self._made:
            try:
                made = FORECASTER_OF[name].forecast(
                    self._memories, now_ms=self._now_ms, rules=self._rules, learnt=self._learnt
                )
            except Exception:  # noqa: BLE001 - any failure of a plug-in degrades, named
                self._failed.append(f"forecast:{name}")
                made = None
            self._made[name] = made
        return self._made[name]

    def get(self, name: str, default: Any = None) -> Any:
        """As of any mapping, without an exception on the way."""
        return self[name] if name in FORECASTER_OF else default

    def __iter__(self) -> Iterator[str]:
        """All names, made or not."""
        return iter(FORECASTER_OF)

    def __len__(self) -> int:
        """How many forecasters there are."""
        return len(FORECASTER_OF)


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
        self.readable, self.admitted = _sight(tuple(stands.items()), without)
        slots = me.slots
        names = _seen(self.admitted, tuple(slots))
        every = len(names) == len(slots)
        self.memories: dict[str, Memory] = slots.copy() if every else {n: slots[n] for n in names}
        self.features = Features(self.memories, now_ms=now_ms, failed=self.failed)
        self.forecasts = Forecasts(
            self.memories,
            now_ms=now_ms,
            rules=world.rules,
            learnt=world.models.forecasts,
            failed=self.failed,
        )

    def blind_to(self, me: Customer, source: Source) -> "View":
        """The same view without a source, for what would have been said without it."""
        without = self.without | {source}
        blind = View(me, world=self.world, now_ms=self.now_ms, stands=self._stands, without=without)
        blind.features = self.features.blind(blind.memories, without=without, failed=blind.failed)
        blind.forecasts = self.forecasts.blind(blind.memories, without=without, failed=blind.failed)
        return blind

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


@lru_cache(maxsize=4096)
def _sight(
    stands: tuple[tuple[Purpose, frozenset[Source]], ...], without: frozenset[Source]
) -> tuple[frozenset[Source], frozenset[Source]]:
    """What some purpose that serves may use, and what any purpose may."""
    readable = frozenset[Source]().union(*(may for p, may in stands if p in SERVED)) - without
    return readable, readable | (dict(stands)[Purpose.MODEL_TRAINING] - without)


@lru_cache(maxsize=4096)
def _seen(admitted: frozenset[Source], slots: tuple[str, ...]) -> tuple[str, ...]:
    """Those slots that hold data of admitted sources: most customers have the same ones."""
    return tuple(name for name in slots if SOURCE_OF_SLOT.get(name) in admitted)


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
    admitted, slots = view.admitted, me.slots
    moment = Moment(
        event=event,
        now_ms=view.now_ms,
        memories=view.memories,
        features=Meant(view.features, SERVED, view.usable),
        forecasts=view.forecasts,
        rules=view.world.rules,
    )
    signals: list[Signal] = []
    for trigger in TRIGGERS_OF_KIND.get(event.kind, ()):
        slot, held, memory = trigger.slot, None, None
        if slot is not None:
            if slot.source not in admitted:
                continue
            held = slots.get(slot.name)
            memory = slot.zero() if held is None else held
        try:
            memory, fired = trigger.sense(memory, moment)
        except Exception:  # noqa: BLE001 - any failure of a plug-in degrades, named
            trace.append(f"failed:trigger:{trigger.name}")
            continue
        if slot is not None:
            if not memory:
                slots.pop(slot.name, None)  # an empty memory is as good as none
            elif memory is not held:
                slots[slot.name] = memory
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
        sources=(event.source,),
    )
