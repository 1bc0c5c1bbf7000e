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

    def heard(self, error: KafkaError | None, places: list[TopicPartition]) -> None:
        """The consumer's ``on_commit``: what was not taken is sent again, unless it is out of date."""
        for place in places if error is not None else ():
            spot = (self._connection.role(place.topic), place.partition)
            if self._asked.get(spot) == place.offset:
                self._left[spot] = place.offset
