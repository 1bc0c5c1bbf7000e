"""Take records off the source topics once they lie on the customers' log, where an erasure reaches them."""

import logging
from collections.abc import Mapping
from concurrent.futures import Future

from confluent_kafka import KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, DeletedRecords

from flows.kafka.client import REACH_S, Connection
from flows.records import Spot

LOG = logging.getLogger(__name__)


class Discard:
    """Asks the brokers to delete what lies before given positions; never waits, and asks again for what failed.

    The brokers answer no reader from there on; the bytes leave their disks with the segment that holds them.
    """

    def __init__(self, connection: Connection) -> None:
        """Nothing is asked for yet."""
        self._connection = connection
        self._admin = AdminClient(connection.base())
        self._done: dict[Spot, int] = {}
        self._asked: dict[TopicPartition, Future[DeletedRecords]] = {}

    def send(self, positions: Mapping[Spot, int]) -> None:
        """Ask for everything before these positions to be deleted, each the next offset that is still needed."""
        self._hear()
        if self._asked:
            return
        wanted = {spot: at for spot, at in positions.items() if at > self._done.get(spot, 0)}
        if wanted:
            places = [
                TopicPartition(self._connection.topic(role), partition, at)
                for (role, partition), at in wanted.items()
            ]
            self._asked = self._admin.delete_records(places, request_timeout=REACH_S)

    def _hear(self) -> None:
        """Note what became of the last request."""
        if not all(future.done() for future in self._asked.values()):
            return
        asked, self._asked = self._asked, {}
        for place, future in asked.items():
            spot = (self._connection.role(place.topic), place.partition)
            try:
                future.result()
            except KafkaException as failed:
                name = failed.args[0].name()
                LOG.warning("source not emptied", extra={"topic": place.topic, "error": name})
            else:
                self._done[spot] = place.offset
