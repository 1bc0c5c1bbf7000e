"""The flow that measures: impact records → reports of uplift, on the same topic.

    read → follow → write

Its state is the topic ``impact``, read whole at each start. A report tells what `operators.measure` knows
at that moment; the newest one is the one that counts.
"""

import orjson

from flows.follow import FollowFlow, Publication
from flows.kafka.client import Connection
from flows.kafka.source import Pace
from flows.records import Spot
from flows.worker import Stop
from operators.measure import Uplift
from schemas import topics
from schemas.errors import InputError

REPORT = "uplift"


class Meter:
    """Feeds `Uplift` from the log and reports. A `flows.follow.Follower`."""

    name = "measure"

    def __init__(self, uplift: Uplift | None = None, *, report_ms: int = 5_000) -> None:
        """Measure with ``uplift``; report at most every ``report_ms``, and only news."""
        self._uplift = uplift or Uplift()
        self._report_ms = report_ms
        self._news = False
        self._taken = 0
        self._reported_ms = 0

    def take(self, value: bytes | None, *, spot: Spot, offset: int) -> InputError | None:
        """Take one impact record; reports, our own, are left out.

        Returns:
            Why it can't be used, in which case nothing was counted.
        """
        del spot, offset
        if value is None:
            return None
        try:
            record = orjson.loads(value)
        except orjson.JSONDecodeError:
            return InputError("input.malformed", "the impact record is not JSON")
        if not isinstance(record, dict):
            return InputError("input.malformed", "the impact record is not an object")
        if record.get("type") == REPORT:
            return None
        try:
            self._uplift.take(record)
        except (KeyError, TypeError, ValueError):
            return InputError("input.invalid", "the impact record lacks a field")
        self._taken += 1
        self._news = True
        return None

    def publish(self, now_ms: int) -> list[Publication]:
        """The report, if there is news and the last one is old enough."""
        if not self._news or now_ms - self._reported_ms < self._report_ms:
            return []
        self._news = False
        self._reported_ms = now_ms
        return [
            Publication(
                topic=topics.IMPACT,
                key=REPORT,
                kind=f"impact.{REPORT}",
                record_id=f"{REPORT}:{self._taken}",
                value=orjson.dumps(self._uplift.report()),
            )
        ]


def measure_flow(
    connection: Connection,
    *,
    meter: Meter,
    partitions: int,
    stop: Stop,
    group: str | None = None,
    pace: Pace | None = None,
) -> FollowFlow:
    """The flow that feeds a meter from ``impact``.

    Args:
        connection: The brokers.
        meter: What measures.
        partitions: Those of ``impact``.
        stop: Asked when it should end.
        group: Consumer group that positions are reported to.
        pace: How to read; the default ticks ten times a second.

    Raises:
        TransportError: The brokers can't be reached, or refuse us.
    """
    return FollowFlow(
        connection,
        follower=meter,
        role=topics.IMPACT,
        partitions=partitions,
        stop=stop,
        group=group,
        pace=pace,
    )
