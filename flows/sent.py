"""Outputs that the log holds already, and the state does not know of.

After the death of a machine the state is older than its outputs: the log is decided on again, and what
comes out a second time must not be said twice. Until that is over the state must not claim to know how
far the output topics are accounted for, or a second death would forget what the first one left.
"""

from collections.abc import Mapping

from flows.clock import CLOCK
from flows.records import Spot


class Sent:
    """Ids of such outputs, each with the CRC-32 of its value; an id is ``position/index``.

    Example:
        >>> sent = Sent({"customer-events:0:7:0/0": 1, "customer-events:0:8:0/0": 2})
        >>> sent.take("customer-events:0:7:0/0"), sent.take("customer-events:0:7:0/0")
        (1, None)
        >>> sent.passed({("customer-events", 0): 9}, idle=True)
        >>> bool(sent)
        False
    """

    def __init__(
        self, found: Mapping[str, int] | None = None, ends: Mapping[Spot, int] | None = None
    ) -> None:
        """Begin with what was found at the ends of the output topics.

        Args:
            found: Id → CRC-32 of the value.
            ends: Where the log ended when they were read: whatever they came from lies before. Without
                that, what they name themselves must do; a timer's output does not name what set the timer.
        """
        self._found = dict(found or {})
        self._until: dict[Spot, int] = dict(ends or {})
        for record_id in self._found:
            topic, partition, offset = record_id.split(":", 3)[:3]
            spot = (topic, int(partition))
            if topic != CLOCK and (ends is None or spot in ends):
                self._until[spot] = max(self._until.get(spot, 0), int(offset) + 1)

    def __bool__(self) -> bool:
        """Whether any output may still come out a second time."""
        return bool(self._found)

    def take(self, record_id: str) -> int | None:
        """The checksum of an output that is there already, which is said now and not again."""
        return self._found.pop(record_id, None)

    def passed(self, positions: Mapping[Spot, int], *, idle: bool) -> None:
        """Forget everything once what it came from lies behind; ``idle``: no timer is due either."""
        if (
            self._found
            and idle
            and all(positions.get(spot, 0) >= at for spot, at in self._until.items())
        ):
            self._found.clear()
