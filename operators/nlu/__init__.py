"""How a text is read: the readers of the decision path, in order; the last word counts.

Stage: 3 of 8. In: masked text and its embedding. Out: Reading.

`IntentHead` learns what they read with; it imports River only when it is made, since workers don't need it.
"""

from operators.contracts import Reader
from operators.nlu.head import IntentHead
from operators.nlu.linear import LinearReader

READERS: tuple[Reader, ...] = (LinearReader(),)

__all__ = ["READERS", "IntentHead", "LinearReader"]
