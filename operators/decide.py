"""The whole way of one event, as one pure function. Read this first.

In: customer, event, world. Out: Outcome.

    admit → fold → sense → propose → screen → arbitrate → tell, and credit for answers

A test, a replay, a simulation and the live stream call this same function. It does no I/O and reads no
clock: the same customer, event, world and position give the same bytes. The customer that is passed in
is never changed.
"""

from collections.abc import Sequence

from operators import (
    consent,
    deliberate,
    dialogue,
    foresee,
    hearing,
    learn,
    ledger,
    observe,
    rebuild,
    retention,
    sense,
    slots,
    taste,
    withdrawal,
)
from operators.contracts import World
from operators.draws import identify
from operators.insights import wakes as insight_wakes
from operators.merchants import fenced, revealed
from operators.portability import export
from operators.redress import corrected
from operators.triggers import wakes
from schemas.base import DAY_MS, Channel, Purpose, Source
from schemas.customer import EVENT_MARK_BYTES, Customer, event_mark
from schemas.decisions import Lesson, Outcome, Withheld
from schemas.errors import InputError
from schemas.events import (
    AppOpened,
    ClockTicked,
    ConsentReviewed,
    CustomerClosed,
    CustomerRebuilt,
    ErasureRequested,
    EventBase,
    ExportRequested,
    FeatureUsed,
    FeedbackReceived,
    LifeAnswered,
    MessageLabelled,
    MessageRead,
    MessageReceived,
    ProductClosed,
    ProductOpened,
    ProfileUpdated,
)
from schemas.signals import Signal

CONTACT_MEMORY_MS = 62 * DAY_MS
_OF_THE_CONTRACT: frozenset[type[EventBase]] = frozenset(
    {ProfileUpdated, ProductOpened, ProductClosed}
)


def decide(customer: Customer, event: EventBase, *, world: World, position: str) -> Outcome:
    """Everything that follows from one event of one customer.

    Args:
        customer: The record as it stands; for an unknown customer an empty one.
        event: The event, of the same customer.
        world: Catalogue, rules, models, encoder.
        position: Where on the log the event stands, ``topic:partition:offset:index``: where a consent
            begins or ends.

    Returns:
        The outcome. Its ``customer`` is a new record, or None once erased.
    """
    mark = event_mark(event.event_id)
    if customer.knows(mark):
        return Outcome(customer, duplicate=True, trace=["duplicate"])
    if event.at_ms < customer.latest_ms - world.rules.lateness_days * DAY_MS:
        bound = f"more than {world.rules.lateness_days} days behind the customer's newest event"
        return Outcome(
            customer,
            rejected=InputError(
                "input.too-late", bound, hint="raise rules.lateness_days and replay"
            ),
        )
    me = customer.copy()
    outcome = Outcome(me)
    now_ms = _begin(customer, event, outcome, world=world, position=position)
    if event.source is Source.CONTROL:
        _control(outcome, customer, event, world=world, position=position, now_ms=now_ms)
    else:
        _data(outcome, me, event, world=world, position=position, now_ms=now_ms)
    if outcome.customer is None:
        return outcome
    if outcome.rejected is not None:
        if outcome.customer.latest_ms > customer.latest_ms:
            # A consent that was refused has no effect, and was a sign of life.
            outcome.customer.timers |= retention.timer(
                outcome.customer, customer, event, withheld=False, rules=world.rules
            )
        return outcome
    me = outcome.customer
    me.timers = _timers(me, now_ms=now_ms)
    me.timers |= retention.timer(
        me, customer, event, withheld=outcome.withheld is not None, rules=world.rules
    )
    if outcome.withheld is not None:
        # Not even the time of withheld data is kept.
        me.since_ms, me.latest_ms = customer.since_ms, customer.latest_ms
        outcome.customer = customer if me == customer else me
        return outcome
    slots.touch(me, customer)
    remembered = EVENT_MARK_BYTES * world.rules.recent_ids
    me.recent = (me.recent + mark)[-remembered:]
    return outcome


def _begin(
    before: Customer, event: EventBase, outcome: Outcome, *, world: World, position: str
) -> int:
    """Move the customer's time forward: grants expire, signals fade, unanswered decisions close."""
    me = outcome.customer or before
    if not me.since_ms:
        me.since_ms = event.at_ms
    now_ms = me.latest_ms = max(me.latest_ms, event.at_ms)
    slots.lapse(me, now_ms=now_ms)
    hearing.expire(outcome, before, me, event, world=world, position=position, now_ms=now_ms)
    _fade(me, now_ms)
    if type(event) not in hearing.WORDS:
        outcome.lessons += learn.close(me, now_ms=now_ms)
    return now_ms


def _fade(me: Customer, now_ms: int) -> None:
    """Let go of what holds no longer; where there is nothing, nothing is looked through."""
    if me.signals:
        for name in [n for n, live in me.signals.items() if live.until_ms <= now_ms]:
            del me.signals[name]
    if me.contacts and me.contacts[0].at_ms < now_ms - CONTACT_MEMORY_MS:
        me.contacts = [c for c in me.contacts if c.at_ms >= now_ms - CONTACT_MEMORY_MS]
    if me.outstanding:
        for offer_id in [o for o, said in me.outstanding.items() if said.until_ms <= now_ms]:
            del me.outstanding[offer_id]
    for resting in (me.rests, me.mistrusted):
        if resting and min(resting.values()) <= now_ms:
            for name in [n for n, until in resting.items() if until <= now_ms]:
                del resting[name]


def _control(
    outcome: Outcome,
    before: Customer,
    event: EventBase,
    *,
    world: World,
    position: str,
    now_ms: int,
) -> None:
    me = outcome.customer or before
    if isinstance(event, ErasureRequested) or (retention.ended(event) and world.rules.silent_days):
        outcome.customer = None
        outcome.trace.append("erase")
        outcome.impact.append({"type": "erasure", "customer": me.customer, "at_ms": now_ms})
        withdrawal.erased(outcome, me, event, position=position, now_ms=now_ms)
    elif isinstance(event, FeedbackReceived):
        outcome.trace.append("credit")
        mistrusted = tuple(me.mistrusted)
        credited, lessons, impact = learn.credit(
            me, event, rules=world.rules, catalogue=world.catalogue
        )
        outcome.customer = credited
        outcome.lessons += lessons
        outcome.impact += impact
        withdrawal.too_personal(outcome, credited, before=mistrusted, now_ms=now_ms)
    elif isinstance(event, ClockTicked):
        stands = consent.standing(me, now_ms=now_ms)
        view = sense.View(me, world=world, now_ms=now_ms, stands=stands)
        _consider(outcome, me, event, view=view, position=position)
    elif isinstance(event, ConsentReviewed):
        if not world.quiet:
            _ask(outcome, me, event, world=world, position=position, now_ms=now_ms)
    elif isinstance(event, CustomerRebuilt | CustomerClosed):
        rebuild.follow(outcome, me, event, now_ms=now_ms)
    elif isinstance(event, ExportRequested):
        outcome.trace.append("export")
        outcome.transparency.append(export(me, now_ms=now_ms))
    else:
        hearing.hear(outcome, before, me, event, world=world, position=position, now_ms=now_ms)


def _ask(
    outcome: Outcome,
    me: Customer,
    event: ConsentReviewed,
    *,
    world: World,
    position: str,
    now_ms: int,
) -> None:
    """Ask where the customer chooses what to share: nothing of theirs is seen, so only questions come up."""
    view = sense.View(
        me, world=world, now_ms=now_ms, stands={p: frozenset[Source]() for p in Purpose}
    )
    deliberate.deliberate(
        outcome,
        me,
        event,
        view=view,
        fresh=frozenset(),
        channel=Channel(event.channel),
        position=position,
    )


def _data(
    outcome: Outcome, me: Customer, event: EventBase, *, world: World, position: str, now_ms: int
) -> None:
    if type(event) in _OF_THE_CONTRACT:
        _contract(outcome, me, event, now_ms=now_ms)
    stands = consent.standing(me, now_ms=now_ms)
    admitted = consent.admit(event, me, stands)
    outcome.trace.append("admit")
    if isinstance(admitted, Withheld):
        if event.source is not Source.PROFILE:
            outcome.withheld = admitted
        return
    if type(event) is MessageLabelled:
        if Purpose.MODEL_TRAINING in admitted:
            outcome.lessons.append(sense.label(me, event, world=world))
        return
    if type(event) is MessageReceived:
        event = sense.read(event, world=world, degraded=outcome.trace)
    if type(event) is LifeAnswered and not event.confirmed:
        me.signals.pop(f"life.{event.event}", None)
    special = revealed(event)
    if special is not None and special not in consent.special(me, event.source, admitted):
        event = fenced(event)
    netted = ledger.net(me, event)
    if netted is None:
        outcome.trace.append("netted")
        return
    event = netted
    view = sense.View(me, world=world, now_ms=now_ms, stands=stands)
    _consider(outcome, me, event, view=view, position=position)


def _contract(outcome: Outcome, me: Customer, event: EventBase, *, now_ms: int) -> None:
    """Facts of the contract, held without consent (GDPR article 6(1)(b)): they gate products only."""
    before = tuple(sorted(me.products))
    if isinstance(event, ProfileUpdated):
        for name in ("birth_year", "country", "employment", "household_size"):
            value = getattr(event, name)
            if value is not None:
                me.profile[name] = value
        corrected(me)
    elif isinstance(event, ProductOpened):
        me.products[event.product] = event.at_ms
    elif isinstance(event, ProductClosed):
        me.products.pop(event.product, None)
    after = tuple(sorted(me.products))
    if after != before and Source.PROFILE in consent.usable(
        me, Purpose.MODEL_TRAINING, now_ms=now_ms
    ):
        outcome.lessons.append(
            Lesson(
                lesson_id=identify(event.event_id, me.customer, "holdings"),
                kind="holdings",
                customer=me.customer,
                at_ms=event.at_ms,
                holdings=after,
                holdings_before=before,
                sources=(Source.PROFILE,),
            )
        )


def _consider(
    outcome: Outcome, me: Customer, event: EventBase, *, view: sense.View, position: str
) -> None:
    """Stages 2 to 7: fold, sense, and if this is a moment to speak, deliberate."""
    used = view.app_features if type(event) is FeatureUsed else None
    sense.fold(me, event, view=view, trace=outcome.trace)
    if used is not None:
        outcome.lessons += taste.uses(
            me, event, before=used, after=view.app_features, now_ms=view.now_ms
        )
    outcome.lessons += foresee.foresee(me, event, view=view, trace=outcome.trace)
    observed = observe.observe(me, event, view=view, trace=outcome.trace)
    if event.snapshot:
        # A row of a first copy is history: it is known from now on, and no moment to speak.
        return
    signals = sense.notice(me, event, view=view, trace=outcome.trace)
    outcome.insights += observe.told(me, (*signals, *observed), event=event, view=view)
    channel = _attention(event)
    if view.world.quiet or (channel is None and not _answerable(signals, view.world)):
        return
    deliberate.deliberate(
        outcome,
        me,
        event,
        view=view,
        fresh=frozenset(s.name for s in signals),
        channel=channel,
        position=position,
    )


def _timers(me: Customer, *, now_ms: int) -> dict[str, int]:
    """When the customer should be looked at again though nothing happens (timer → due instant)."""
    timers = wakes(me.slots, now_ms)
    timers |= insight_wakes(me.slots, now_ms)
    ends_ms = dialogue.ends(me)
    if ends_ms is not None:
        timers["consent-expiry"] = ends_ms
    closing_ms = learn.wake_at(me)
    if closing_ms is not None:
        timers["decision-close"] = closing_ms
    return timers


def _attention(event: EventBase) -> Channel | None:
    """Where the customer is looking at this moment, if anywhere."""
    # Not `isinstance`, which for a shape that an event is not takes five times as long: on the way of every payment.
    if type(event) is AppOpened:
        return Channel.IN_APP
    if type(event) is MessageRead and event.channel == "chat":
        return Channel.CHAT
    return None


def _answerable(signals: Sequence[Signal], world: World) -> bool:
    return bool(signals) and any(signal.name in world.answers for signal in signals)
