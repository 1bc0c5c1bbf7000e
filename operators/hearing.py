"""A customer's word on consent, and consent that ends by itself: what changes, what goes with it, and its receipt.

In: a customer copy and its event. Out: receipts, recalls, lessons taken back, in the outcome.
"""

from operators import dialogue, learn, withdrawal
from operators.contracts import World
from operators.receipts import receipt
from schemas.customer import Customer
from schemas.decisions import Outcome
from schemas.errors import InputError
from schemas.events import (
    AccessGranted,
    AccessWithdrawn,
    ConsentGranted,
    ConsentWithdrawn,
    EventBase,
    ObjectionLifted,
    ObjectionRaised,
)

WORDS: frozenset[type[EventBase]] = frozenset(
    {
        AccessGranted,
        AccessWithdrawn,
        ConsentGranted,
        ConsentWithdrawn,
        ObjectionLifted,
        ObjectionRaised,
    }
)
"""Decisions that end at the instant of one are learnt from under the new word, not the old one."""


def hear(
    outcome: Outcome,
    before: Customer,
    me: Customer,
    event: EventBase,
    *,
    world: World,
    position: str,
    now_ms: int,
) -> None:
    """Do what the customer says; a word that contradicts itself is refused and changes nothing."""
    outcome.trace.append("consent")
    change = dialogue.apply(me, event, position=position)
    if isinstance(change, InputError):
        outcome.rejected = change
        return
    if change.words:
        _prove(outcome, before, event, change, world=world, position=position)
    withdrawal.follow(outcome, me, event, change, now_ms=now_ms)
    if type(event) in WORDS:
        outcome.lessons += learn.close(me, now_ms=now_ms)


def expire(
    outcome: Outcome,
    before: Customer,
    me: Customer,
    event: EventBase,
    *,
    world: World,
    position: str,
    now_ms: int,
) -> None:
    """Let go of what has ended by now; the event is merely what made it be noticed."""
    ended = dialogue.expire(me, now_ms=now_ms)
    if ended.ended or ended.erased:
        withdrawal.follow(outcome, me, event, ended, now_ms=now_ms)
        _prove(outcome, before, event, ended, world=world, position=position)


def _prove(
    outcome: Outcome,
    before: Customer,
    event: EventBase,
    change: dialogue.ConsentChange,
    *,
    world: World,
    position: str,
) -> None:
    outcome.transparency.append(
        receipt(
            before,
            event,
            change,
            position=position,
            controller=world.controller,
            seal=world.seal,
        )
    )
