"""What the customer said outright: a life event, a message, a link to another bank.

Stage: 3 of 8. In: life.declared, life.answered, message.read, openbanking.account_linked.
Out: life.<event>, intent.<intent>, sentiment.negative, openbanking.linked.
"""

from collections.abc import Sequence
from typing import get_args

from operators.contracts import Moment, Slot
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import ExternalAccountLinked, LifeAnswered, LifeDeclared, MessageRead
from schemas.events.life import LifeEvent
from schemas.signals import Signal

NEGATIVE_BELOW = -0.4
HOLD_DAYS: dict[str, int] = {"money_trouble": 30}
"""How long an intent stays live where a week is too short: trouble with money outlasts a message."""
LIFE_WORDS: dict[str, str] = {
    "new_job": "You told us that you have a new job.",
    "job_loss": "You told us that your job has ended. We are here to help.",
    "moving": "You told us that you are moving home.",
    "house_purchase": "You told us that you are buying a home.",
    "car": "You told us that you are getting a car.",
    "marriage": "You told us that you are getting married.",
    "baby": "You told us of a new child in your family.",
    "university": "You told us that you are going to university.",
    "retirement": "You told us that you are retiring.",
    "bereavement": "You told us of a loss. We are sorry, and here if you need us.",
    "travel": "You told us that you are going to travel.",
}
INTENT_WORDS: dict[str, str] = {
    "card_lost": "You told us that your card is missing.",
    "card_dispute": "You asked about a card payment that you don't recognise.",
    "borrow_money": "You asked about borrowing.",
    "mortgage_question": "You asked about a mortgage.",
    "save_money": "You asked about saving.",
    "invest_money": "You asked about investing.",
    "money_trouble": "You told us that money is tight. We are here to help.",
    "travel_plans": "You told us about travel plans.",
    "fee_complaint": "You asked about a fee.",
    "open_account": "You asked about opening an account.",
    "close_account": "You asked about closing an account.",
    "insurance_question": "You asked about insurance.",
    "app_problem": "You told us of a problem with the app.",
    "moving_house": "You told us that you are moving home.",
    "payment_help": "You asked for help with a payment.",
}


class LifeTold:
    """A life event that the customer declared, or confirmed when asked."""

    name: str = "life_told"
    kinds: frozenset[str] = frozenset({"life.declared", "life.answered"})
    needs: tuple[str, ...] = ()
    emits: tuple[str, ...] = tuple(f"life.{event}" for event in get_args(LifeEvent))
    slot: Slot | None = None
    hold_days: int = 120

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """A denial says nothing; what is told long after is no news."""
        event = moment.event
        if not isinstance(event, LifeDeclared | LifeAnswered):
            return memory, ()
        confirmed = isinstance(event, LifeDeclared) or event.confirmed
        left_ms = event.at_ms + self.hold_days * DAY_MS - moment.now_ms
        if not confirmed or left_ms <= 0:
            return memory, ()
        signal = Signal(
            name=f"life.{event.event}",
            strength=1.0,
            sources=(Source.LIFE_EVENTS,),
            words=LIFE_WORDS[event.event],
            evidence={"declared": True},
            hold_ms=left_ms,
        )
        return memory, (signal,)


class MessageMeaning:
    """What a message is about, when the reader is sure enough, and whether it is unhappy."""

    name: str = "message_meaning"
    kinds: frozenset[str] = frozenset({"message.read"})
    needs: tuple[str, ...] = ()
    emits: tuple[str, ...] = (
        *(f"intent.{intent}" for intent in INTENT_WORDS),
        "sentiment.negative",
    )
    slot: Slot | None = None

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Under ``rules.intent_abstain`` the intent is left alone."""
        event = moment.event
        if not isinstance(event, MessageRead):
            return memory, ()
        made: list[Signal] = []
        words = INTENT_WORDS.get(event.intent or "")
        if words is not None and event.intent_probability >= moment.rules.intent_abstain:
            made.append(
                Signal(
                    name=f"intent.{event.intent}",
                    strength=round(event.intent_probability, 4),
                    sources=(Source.MESSAGES,),
                    words=words,
                    evidence={"probability": round(event.intent_probability, 4)},
                    hold_ms=HOLD_DAYS.get(event.intent or "", 7) * DAY_MS,
                )
            )
        if event.sentiment < NEGATIVE_BELOW:
            made.append(
                Signal(
                    name="sentiment.negative",
                    strength=round(-event.sentiment, 4),
                    sources=(Source.MESSAGES,),
                    words="You seemed unhappy when you wrote to us.",
                    evidence={"sentiment": round(event.sentiment, 4)},
                    hold_ms=3 * DAY_MS,
                )
            )
        return memory, made


class AccountLinked:
    """The customer connected an account at another bank."""

    name: str = "account_linked"
    kinds: frozenset[str] = frozenset({"openbanking.account_linked"})
    needs: tuple[str, ...] = ()
    emits: tuple[str, ...] = ("openbanking.linked",)
    slot: Slot | None = None

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Fire on the link itself."""
        event = moment.event
        if not isinstance(event, ExternalAccountLinked):
            return memory, ()
        signal = Signal(
            name="openbanking.linked",
            strength=0.6,
            sources=(Source.OPEN_BANKING,),
            words="You connected an account at another bank.",
            evidence={"account_type": event.account_type},
            hold_ms=7 * DAY_MS,
        )
        return memory, (signal,)
