"""Follow the control topics: read whole at start, then looked at between batches."""

import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

from confluent_kafka import Consumer, TopicPartition

from flows.kafka.client import PROBE_S, Connection, Deadline, Watch, at_end, explain, passing
from flows.kafka.source import Pace, consumer, to_record
from flows.records import Record
from schemas import topics
from schemas.errors import InputError

LOG = logging.getLogger(__name__)
STALL_S = 30.0


class Keeper(Protocol):
    """Who takes control records, a `flows.world.WorldKeeper` say."""

    def apply(self, record: Record) -> InputError | None:
        """Take one in; why it can't be used, if it can't."""
        ...


class ControlReader:
    """Follows the control topics on behalf of a `Keeper`."""

    def __init__(
        self,
        connection: Connection,
        *,
        counts: Mapping[str, int],
        keeper: Keeper,
        refused: Callable[[Record, InputError], None],
    ) -> None:
        """Open a consumer at the beginning of the control topics.

        Args:
            connection: The brokers.
            counts: Partitions by role.
            keeper: Whom to tell.
            refused: Hears of records that can't be used.
        """
        self._keeper = keeper
        self._refused = refused
        self._watch = Watch(code="transport.source")
        self._roles = {connection.topic(role): role for role in topics.CONTROL}
        self._unread = {
            (connection.topic(role), p) for role in topics.CONTROL for p in range(counts[role])
        }
        self._consumer: Consumer = consumer(
            connection,
            group="market-of-one-control",
            heard=self._watch.heard,
            pace=Pace(fetch_wait_ms=100, queue_kbytes=65_536),
            lost="earliest",
            tell_end=True,
        )

    def read_whole(self) -> None:
        """Take in everything that stands on the topics now.

        Raises:
            TransportError: The brokers can't be reached, or nothing came for `STALL_S`.
        """
        self._consumer.assign(
            # Not OFFSET_BEGINNING, for which librdkafka asks, and asks again half a second later.
            [TopicPartition(name, p, 0) for name, p in self._unread]
        )
        deadline = Deadline(STALL_S, what="control")
        while self._unread:
            if self.poll(0.05):
                deadline.moved()
            deadline.check()

    def poll(self, timeout_s: float = 0.0) -> int:
        """Take in what came since; returns how many records.

        Raises:
            MarketOfOneError: The brokers refuse us or stay away.
        """
        records = list(self._records(timeout_s))
        for record in records:
            error = self._keeper.apply(record)
            if error is not None:
                LOG.warning(
                    "control record refused", extra={"position": record.place, "code": error.code}
                )
                self._refused(record, error)
        return len(records)

    def close(self) -> None:
        """Stop following."""
        self._consumer.close()

    def _records(self, timeout_s: float) -> Iterable[Record]:
        for message in self._consumer.consume(64, timeout_s):
            error = message.error()
            if error is None:
                self._watch.up()
                yield to_record(message, self._roles)
            elif at_end(error):
                self._unread.discard((message.topic() or "", message.partition() or 0))
            elif not passing(error):
                raise explain(error, role="control", code="transport.source")
        self._watch.check(lambda: self._consumer.list_topics(timeout=PROBE_S))
