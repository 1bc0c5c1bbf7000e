"""Tell a consumer group how far the state is: for lag tools only, never waited for, and not lost in an outage."""

from collections.abc import Mapping

from confluent_kafka import Consumer, KafkaError, TopicPartition

from flows.kafka.client import Connection
from flows.records import Spot


class Report:
    """The positions that one consumer reports."""

    def __init__(self, connection: Connection) -> None:
        """Nothing was reported yet."""
        self._connection = connection
        self._asked: dict[Spot, int] = {}
        self._left: dict[Spot, int] = {}
        self._taken: dict[Spot, int] = {}

    def send(self, consumer: Consumer, positions: Mapping[Spot, int]) -> None:
        """Commit positions asynchronously, and those that an outage kept from the group."""
        positions = {**self._left, **positions}
        self._left = {}
        self._asked.update(positions)
        if positions:
            consumer.commit(
                offsets=[
                    TopicPartition(self._connection.topic(role), partition, at)
                    for (role, partition), at in positions.items()
                ],
                asynchronous=True,
            )

    @property
    def taken(self) -> Mapping[Spot, int]:
        """The positions that the group is known to have."""
        return self._taken

    def heard(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        """The consumer's ``on_commit``: what was not taken is sent again, unless it is out of date.

        A commit that an outage held up may be taken after a later one, and then the group is told of less than it knew:
        the newest is sent again.
        """
        for place in places:
            spot = (self._connection.role(place.topic), place.partition)
            asked = self._asked.get(spot, place.offset)
            if error is not None or place.error is not None:
                if asked == place.offset:
                    self._left[spot] = place.offset
            elif place.offset < self._taken.get(spot, place.offset):
                self._left[spot] = asked
            else:
                self._taken[spot] = place.offset
