"""A moment to speak: propose, screen, arbitrate, tell, and the record of it.

Stage: 4 to 7 of 8. In: view of the customer, fresh signals. Out: Decision, offer, transparency.

Saying nothing is an action like the others, with a propensity and a record of its own.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from operators import arbitrate, offers, record
from operators.arbitrate import assign
from operators.contracts import Situation
from operators.draws import identify
from operators.occasion import Deliberation, Occasion, in_order, situation_of, sources_used
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
    ground = Ground(view, situation_of(me, view), arbitrate.Contexts(view.features))
    made = _pass(me, ground, occasion=occasion)
    if not made.screened:
        return
    chosen = made.chosen
    used = sources_used(view, made)
    decision = record.write(
        outcome,
        me,
        event,
        view=view,
        made=made,
        occasion=occasion,
        situation=ground.situation,
        used=used,
        without=_without_source(me, view=view, occasion=occasion, made=made),
        change=_without_signal(me, ground, occasion=occasion, made=made),
        position=position,
    )
    _remember(me, view=view, made=made, occasion=occasion, used=used)
    if chosen is not None:
        now_ms = view.now_ms
        me.contacts.append(Contact(now_ms, chosen.item.id, chosen.item.kind, chosen.channel))
        me.rests[chosen.item.id] = now_ms + chosen.item.rest_days * DAY_MS
        if chosen.item.purpose is not None and decision.offer is not None:
            me.outstanding[decision.offer["id"]] = Outstanding(
                decision_id=occasion.key,
                action=chosen.item.id,
                purpose=chosen.item.purpose,
                channel=chosen.channel,
                sources=in_order(view.usable(chosen.item.purpose)),
                until_ms=now_ms + chosen.item.valid_days * DAY_MS,
            )


class Ground(NamedTuple):
    """What the passes of one view share, so that each thing is worked out once."""

    view: View
    situation: Situation
    contexts: arbitrate.Contexts


def _pass(
    me: Customer,
    ground: Ground,
    *,
    occasion: Occasion,
    muted: str | None = None,
    judged: Mapping[tuple[str, str | None], Screened] | None = None,
) -> Deliberation:
    """Propose, screen and arbitrate once; ``muted`` leaves one live signal out.

    ``judged`` are verdicts by item and signal that hold for this view too, and need not be found again.
    """
    view, situation, contexts = ground
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
    screened = _judged(candidates, situation, occasion=occasion, judged=judged)
    allowed = tuple([s.candidate for s in screened if s.refusal is None])
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
    return Deliberation.of(screened, allowed, choice, alternatives)


def _judged(
    candidates: Sequence[Candidate],
    situation: Situation,
    *,
    occasion: Occasion,
    judged: Mapping[tuple[str, str | None], Screened] | None,
) -> tuple[Screened, ...]:
    """Every candidate with its verdict, which is found where it is not known."""
    if not judged:
        return tuple([_held_out(s, occasion) for s in screen(candidates, situation)])
    fresh = screen([c for c in candidates if key_of(c) not in judged], situation)
    found = {key_of(s.candidate): _held_out(s, occasion) for s in fresh}
    return tuple([found.get(key) or judged[key] for key in map(key_of, candidates)])


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
    used = chosen.sources or view.usable(chosen.item.purpose)
    source = next((s for s in INTIMACY if s in used), None)
    if source is None:
        return None
    action = SILENCE
    if occasion.channel is not None or _tells_without(me, source, occasion):
        blind = view.blind_to(me, source)
        action = _pass(
            me,
            Ground(blind, situation_of(me, blind), arbitrate.Contexts(blind.features)),
            occasion=occasion,
            judged={key_of(s.candidate): s for s in made.screened if _stands_blind(s)},
        ).choice.action
    return {"without": source, "action": action, "verified": True}


def _tells_without(me: Customer, source: Source, occasion: Occasion) -> bool:
    """Whether a fresh signal does without a source; if none does and nobody is looking, nothing can be said."""
    return any(
        source not in me.signals[name].sources for name in occasion.fresh if name in me.signals
    )


def _without_signal(
    me: Customer, ground: Ground, *, occasion: Occasion, made: Deliberation
) -> dict[str, Any] | None:
    """What would have been said had the signal not been there, found by deciding again."""
    chosen = made.chosen
    if chosen is None or chosen.signal is None:
        return None
    result = SILENCE
    # Where nobody is looking and nothing else is fresh, nothing is proposed, so that nothing else can be said.
    others = occasion.fresh - {chosen.signal}
    if occasion.channel is not None or not others.isdisjoint(me.signals):
        result = _pass(
            me,
            ground,
            occasion=occasion,
            muted=chosen.signal,
            judged={key_of(s.candidate): s for s in made.screened},
        ).choice.action
    return {"change": f"without {chosen.signal}", "result": result, "verified": True}


def _remember(
    me: Customer, *, view: View, made: Deliberation, occasion: Occasion, used: frozenset[Source]
) -> None:
    """Keep what a later answer needs, boundedly: the oldest open decision gives way."""
    chosen = made.chosen
    index = made.chosen_index
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
        sources=in_order(used),
        until_ms=view.now_ms + min(days, rules.response_window_days) * DAY_MS,
        trainable=trainable,
    )
    while len(me.open) > OPEN_MAX:
        del me.open[next(iter(me.open))]
