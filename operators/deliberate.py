"""A moment to speak: propose, screen, arbitrate, tell, and the record of it.

Stage: 4 to 7 of 8. In: view of the customer, fresh signals. Out: Decision, offer, transparency.

Saying nothing is an action like the others, with a propensity and a record of its own.
"""

from collections.abc import Mapping
from typing import Any

from operators import arbitrate, offers, record
from operators.arbitrate import assign
from operators.draws import identify
from operators.occasion import Deliberation, Occasion, situation_of, sources_used
from operators.policy import UNSEEING, braked, screen
from operators.sense import View
from schemas.base import DAY_MS, Channel, Purpose, Source
from schemas.customer import Contact, Customer, LiveSignal, OpenDecision, Outstanding
from schemas.decisions import SILENCE, Candidate, Outcome, Screened, Verdict
from schemas.events import EventBase
from schemas.vectors import pack_vector

OPEN_MAX = 32
INTIMACY: tuple[Source, ...] = (
    Source.LOCATION,
    Source.MESSAGES,
    Source.OPEN_BANKING,
    Source.LIFE_EVENTS,
    Source.APP,
    Source.TRANSACTIONS,
    Source.PROFILE,
)
"""Sources from the most to the least intimate: the first one used is what «without that data» takes away."""
HOLDOUT = Verdict(
    allowed=False,
    rule="measure.holdout",
    words="You are in the small group that gets no suggestions, so that we can tell whether they help.",
)


def deliberate(
    outcome: Outcome,
    me: Customer,
    event: EventBase,
    *,
    view: View,
    fresh: frozenset[str],
    channel: Channel | None,
    position: str,
) -> None:
    """Decide what to say, and write it into the outcome and the customer copy."""
    rules = view.world.rules
    occasion = Occasion(
        key=identify(event.event_id, me.customer, "decision"),
        arm=assign(me.customer, rules),
        channel=channel,
        fresh=fresh,
        explore=not braked(me, now_ms=view.now_ms, readable=view.readable),
    )
    outcome.trace += ["propose", "screen", "arbitrate", "tell"]
    contexts = arbitrate.Contexts(view.features)
    made = _pass(me, view=view, occasion=occasion, contexts=contexts)
    if not made.screened:
        return
    chosen = made.chosen
    record.write(
        outcome,
        me,
        event,
        view=view,
        made=made,
        occasion=occasion,
        without=_without_source(me, view=view, occasion=occasion, made=made),
        change=_without_signal(me, view=view, occasion=occasion, contexts=contexts, made=made),
        position=position,
    )
    _remember(me, view=view, made=made, occasion=occasion)
    if chosen is not None:
        now_ms = view.now_ms
        me.contacts = [
            *me.contacts,
            Contact(now_ms, chosen.item.id, chosen.item.kind, chosen.channel),
        ]
        me.rests[chosen.item.id] = now_ms + chosen.item.rest_days * DAY_MS
        if chosen.item.purpose is not None:
            me.outstanding[record.offer_id(occasion.key)] = Outstanding(
                decision_id=occasion.key,
                action=chosen.item.id,
                purpose=chosen.item.purpose,
                channel=chosen.channel,
                sources=tuple(sorted(view.usable(chosen.item.purpose))),
                until_ms=now_ms + chosen.item.valid_days * DAY_MS,
            )


def _pass(
    me: Customer,
    *,
    view: View,
    occasion: Occasion,
    contexts: arbitrate.Contexts,
    muted: str | None = None,
    judged: Mapping[tuple[str, str | None], Screened] | None = None,
) -> Deliberation:
    """Propose, screen and arbitrate once; ``muted`` leaves one live signal out.

    ``judged`` are verdicts by item and signal that hold for this view too, and need not be found again.
    """
    world = view.world
    live: Mapping[str, LiveSignal] = {
        name: signal
        for name, signal in me.signals.items()
        if name != muted and (occasion.channel is not None or name in occasion.fresh)
    }
    candidates = offers.propose(
        me,
        # Where nobody is looking, only an answer to a signal may be said.
        catalogue=world.catalogue if occasion.channel is not None else world.answering(live),
        live=live,
        features=view.features,
        usable=view.usable,
        in_use=view.app_features,
        taste=world.models.taste,
        channel=occasion.channel,
        now_ms=view.now_ms,
    )
    judged = judged or {}
    fresh = screen([c for c in candidates if key_of(c) not in judged], situation_of(me, view))
    judged = {**judged, **{key_of(s.candidate): _held_out(s, occasion) for s in fresh}}
    screened = tuple(judged[key_of(candidate)] for candidate in candidates)
    allowed = tuple(s.candidate for s in screened if s.refusal is None)
    choice, alternatives = arbitrate.choose(
        allowed,
        contexts=contexts,
        usable=view.usable,
        models=world.models,
        rules=world.rules,
        arm=occasion.arm,
        key=occasion.key,
        explore=occasion.explore,
    )
    return Deliberation(screened, allowed, choice, alternatives)


def key_of(candidate: Candidate) -> tuple[str, str | None]:
    """What tells apart the candidates of one view at one moment."""
    return candidate.item.id, candidate.signal


def _stands_blind(screened: Screened) -> bool:
    """Whether it is refused whatever sources are left out: a policy that looks at none of them refused it."""
    refusal = screened.refusal
    return refusal is not None and refusal.rule.partition(".")[0] in UNSEEING


def _held_out(screened: Screened, occasion: Occasion) -> Screened:
    if screened.refusal is None and occasion.arm == "holdout":
        candidate = screened.candidate
        return screened if candidate.item.protective else Screened(candidate, HOLDOUT)
    return screened


def _without_source(
    me: Customer, *, view: View, occasion: Occasion, made: Deliberation
) -> dict[str, Any] | None:
    """What would have been said without the most intimate source used, found by deciding again."""
    chosen = made.chosen
    if chosen is None or chosen.item.purpose is None:
        return None
    used = frozenset(map(Source, chosen.sources)) or view.usable(chosen.item.purpose)
    source = next((s for s in INTIMACY if s in used), None)
    if source is None:
        return None
    blind = view.blind_to(me, source)
    again = _pass(
        me,
        view=blind,
        occasion=occasion,
        contexts=arbitrate.Contexts(blind.features),
        judged={key_of(s.candidate): s for s in made.screened if _stands_blind(s)},
    )
    return {"without": source, "action": again.choice.action, "verified": True}


def _without_signal(
    me: Customer,
    *,
    view: View,
    occasion: Occasion,
    contexts: arbitrate.Contexts,
    made: Deliberation,
) -> dict[str, Any] | None:
    """What would have been said had the signal not been there, found by deciding again."""
    chosen = made.chosen
    if chosen is None or chosen.signal is None:
        return None
    result = SILENCE
    # Where nobody is looking and nothing else is fresh, nothing is proposed, so that nothing else can be said.
    if occasion.channel is not None or (occasion.fresh - {chosen.signal}) & me.signals.keys():
        result = _pass(
            me,
            view=view,
            occasion=occasion,
            contexts=contexts,
            muted=chosen.signal,
            judged={key_of(s.candidate): s for s in made.screened},
        ).choice.action
    return {"change": f"without {chosen.signal}", "result": result, "verified": True}


def _remember(me: Customer, *, view: View, made: Deliberation, occasion: Occasion) -> None:
    """Keep what a later answer needs, boundedly: the oldest open decision gives way."""
    chosen = made.chosen
    index = made.chosen_index
    used = sources_used(view, made)
    rules = view.world.rules
    days = chosen.item.valid_days if chosen is not None else rules.response_window_days
    trainable = bool(used) and view.usable(Purpose.MODEL_TRAINING).issuperset(used)
    me.open[occasion.key] = OpenDecision(
        decision_id=occasion.key,
        at_ms=view.now_ms,
        action=made.choice.action,
        purpose=chosen.item.purpose if chosen is not None else None,
        channel=chosen.channel if chosen is not None else occasion.channel or "",
        arm=occasion.arm,
        propensity=made.choice.propensity,
        model=made.choice.model,
        # What nobody may learn from, nobody needs to remember.
        context=pack_vector(made.alternatives.contexts[index]) if trainable else b"",
        action_features=pack_vector(made.alternatives.action_features[index]) if trainable else b"",
        sources=tuple(sorted(used)),
        until_ms=view.now_ms + min(days, rules.response_window_days) * DAY_MS,
        trainable=trainable,
    )
    while len(me.open) > OPEN_MAX:
        del me.open[next(iter(me.open))]
