"""What was foretold and came due becomes lessons: stage 8 for the forecasts.

Stage: 8 of 8. In: folded event. Out: lessons of what the customer's own future answered.

Only who lets their transactions be learnt from is asked about; once that consent is gone, so are the questions.
"""

from operators.draws import identify
from operators.forecasting import questions
from operators.sense import View
from schemas.base import DAY_MS, Purpose, Source
from schemas.customer import Customer
from schemas.decisions import Lesson
from schemas.events import EventBase

KIND = "forecast"
"""The kind of these lessons."""


def foresee(me: Customer, event: EventBase, *, view: View, trace: list[str]) -> list[Lesson]:
    """Follow the open questions of a customer copy through one event; returns what was answered."""
    name = questions.SLOT.name
    if not view.allows(Purpose.MODEL_TRAINING, (Source.TRANSACTIONS,)):
        me.slots.pop(name, None)
        return []
    try:
        memory, answers = questions.follow(
            me.slots.get(name, b""),
            view.memories,
            event,
            now_ms=view.now_ms,
            rules=view.world.rules,
            learnt=view.world.models.forecasts,
        )
    except Exception:  # noqa: BLE001 - any failure of a plug-in degrades, named
        trace.append("failed:forecast:questions")
        return []
    if not memory:
        me.slots.pop(name, None)
    elif memory != me.slots.get(name):
        me.slots[name] = memory
    return [_lesson(me, answer) for answer in answers]


def _lesson(me: Customer, answer: questions.Answer) -> Lesson:
    return Lesson(
        lesson_id=identify(me.customer, answer.target, f"{answer.day}:{answer.order}", KIND),
        kind=KIND,
        customer=me.customer,
        at_ms=answer.day * DAY_MS,
        action=answer.target,
        context=answer.x,
        label=answer.y,
        label_before=answer.said,
        outcome="came due",
        sources=(Source.TRANSACTIONS,),
    )
