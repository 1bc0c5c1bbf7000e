"""Lessons as they lie on their topic: read, and known again when they come twice."""

from collections import OrderedDict
from typing import Protocol

import orjson
from pydantic import TypeAdapter, ValidationError

from operators.foresee import KIND as FORECAST
from operators.taste import USES
from schemas.decisions import WORTH, Lesson
from schemas.errors import InputError
from schemas.models import IntentSnapshot
from state.models import COMMITTEE, FORECASTS, INTENTS, TASTE

LESSON: TypeAdapter[Lesson] = TypeAdapter(Lesson)
MODEL_OF_KIND: dict[str, str] = {
    "reward": COMMITTEE,
    WORTH: COMMITTEE,
    "holdings": TASTE,
    USES: TASTE,
    "intent": INTENTS,
    FORECAST: FORECASTS,
}
"""Which model a kind of lesson teaches."""
REMEMBERED = 65_536
"""Lesson ids that are known again: the log may hold a lesson twice after a crash, never far apart."""


class Head(Protocol):
    """The learner of intents (`operators.nlu.head`)."""

    def learn(self, lesson: Lesson) -> bool:
        """Take one labelled text; False if it is of another encoder."""
        ...

    def snapshot(self, version: int) -> IntentSnapshot:
        """The head as it is now."""
        ...


class Recent:
    """The ids of the last lessons."""

    def __init__(self) -> None:
        """Nothing came yet."""
        self._ids: OrderedDict[str, None] = OrderedDict()

    def again(self, lesson: Lesson) -> bool:
        """Whether a lesson came before; from now on it did."""
        if lesson.lesson_id in self._ids:
            return True
        self._ids[lesson.lesson_id] = None
        if len(self._ids) > REMEMBERED:
            self._ids.popitem(last=False)
        return False


def read_lesson(value: bytes) -> Lesson | InputError:
    """The lesson in a record's value, or why there is none."""
    try:
        # orjson refuses NaN and infinity, either of which would stay in the sums for good.
        return LESSON.validate_python(orjson.loads(value))
    except orjson.JSONDecodeError:
        return InputError("input.malformed", "the lesson is not JSON")
    except ValidationError as error:
        return InputError("input.invalid", f"{error.error_count()} fields of a lesson are wrong")
