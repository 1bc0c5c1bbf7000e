"""What the learner tells besides its models: to a customer what was forgotten, to the bank what has shifted.

What was forgotten is told again, under the same id, when the log of lessons is read again; a shift is not.
"""

import orjson

from flows.follow import Publication
from operators.bandits.ridge import Levers
from operators.drift import FASTER, Shift
from operators.forgetting import Forgotten
from schemas import topics
from schemas.decisions import Lesson
from state.models import COMMITTEE

EUR_PER_UNIT = 10.0


def forgotten(request: Lesson, gone: Forgotten, *, forecasts: int) -> Publication:
    """What the customer is told of what the models forgot, and of what stays in them.

    Args:
        request: The lesson that asked.
        gone: What it came to.
        forecasts: How many forecasts that came due were taken out of the forecaster.
    """
    count = len(gone.rewards) + len(gone.holdings) + forecasts
    words = f"Our models took back {count} lessons from you, exactly: all that were still in them."
    if gone.kept:
        words += (
            f" {gone.kept} texts of yours taught our reader, which can't take back single texts:"
            " they go when it is trained anew from what may still be used."
        )
    body = {
        "type": "learning.forgotten",
        "customer": request.customer,
        "at_ms": request.at_ms,
        "request": request.lesson_id,
        "sources": request.sources,
        "taken_back": count,
        "kept": gone.kept,
        "words": words,
    }
    return Publication(
        topic=topics.TRANSPARENCY,
        key=request.customer,
        kind="learning.forgotten",
        record_id=f"{request.lesson_id}:forgotten",
        value=orjson.dumps(body),
    )


def proposed(lesson: Lesson, shift: Shift, levers: Levers) -> Publication:
    """A proposal on ``impact``: the model foretells too much or too little; let old lessons fade sooner."""
    off = EUR_PER_UNIT * shift.after
    body = {
        "type": "drift.proposed",
        "at_ms": lesson.at_ms,
        "model": COMMITTEE,
        "detector": "adwin",
        "lessons": shift.lessons,
        "residual_eur_before": round(EUR_PER_UNIT * shift.before, 3),
        "residual_eur": round(off, 3),
        "proposal": {"half_life_days": round(FASTER * levers.half_life_days, 1)},
        "words": (
            f"Lately a lesson comes out {abs(off):.2f} EUR {'above' if off > 0 else 'below'} what the"
            " committee foretold. If the world has changed, let old lessons fade sooner:"
            f" python -m flows lever half_life_days {FASTER * levers.half_life_days:g}"
        ),
    }
    return Publication(
        topic=topics.IMPACT,
        key=COMMITTEE,
        kind="drift.proposed",
        record_id=f"{COMMITTEE}:drift:{lesson.lesson_id}",
        value=orjson.dumps(body),
    )
