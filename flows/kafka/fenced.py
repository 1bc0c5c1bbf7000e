"""Write to the log in transactions that only the owner of the shards can commit.

Every transaction carries the positions of its shards in the name of the group's present generation (KIP-447).
A worker that was paused while its shards moved may still write into one, but the brokers refuse to commit
it, and readers of committed records never see it. What is not committed waits in the outbox as ever.
"""
# ruff: noqa: SLF001 - confluent_kafka names the codes that librdkafka itself makes with an underscore

import logging
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from confluent_kafka import KafkaError, KafkaException, Producer

from flows.kafka.client import REACH_S, Connection, passing
from flows.kafka.member import FENCED, fenced
from flows.kafka.sink import LogWriter, Push
from flows.records import Delivered, Parcel
from schemas.errors import MarketOfOneError

LOG = logging.getLogger(__name__)
COMMIT_S = 0.05
"""How long a transaction stays open: what is said is seen so much later, at most."""
RETRY_S = 0.05
SETTLE_S = 2 * REACH_S
"""How long acknowledgements of an open transaction may take."""
WAITING = frozenset({KafkaError.REBALANCE_IN_PROGRESS, KafkaError.CONCURRENT_TRANSACTIONS})


class FencedWriter(LogWriter):
    """A writer whose parcels count as delivered when their transaction is committed."""

    def __init__(
        self,
        connection: Connection,
        *,
        name: str,
        fence: Callable[[Producer], None],
        session_ms: int,
        push: Push | None = None,
    ) -> None:
        """End what an earlier process of this name left open.

        Args:
            connection: The brokers.
            name: The producer's, the same after a restart; who had it before is fenced from now on.
            fence: Puts the proof of ownership into a transaction.
            session_ms: After so long an open transaction of a dead worker is given up.
            push: How to write.

        Raises:
            MarketOfOneError: The brokers can't be reached, or refuse us.
        """
        super().__init__(
            connection,
            push,
            more={
                "transactional.id": name,
                "transaction.timeout.ms": session_ms,
                "delivery.timeout.ms": session_ms,
            },
        )
        self._fence = fence
        self._told: list[partial[None]] = []
        self._began_at: float | None = None
        self._closed = False
        self._insist(lambda: self._producer.init_transactions(REACH_S))

    def send(self, parcel: Parcel) -> None:
        """Hand a parcel to the producer; one that comes after the end waits in the outbox."""
        if self._closed:
            return
        if self._began_at is None:
            self._insist(self._producer.begin_transaction)
            self._began_at = time.monotonic()
        super().send(replace(parcel, delivered=self._hold(parcel.delivered)))

    def poll(self, timeout_s: float = 0.0) -> None:
        """Let acknowledgements in, and commit when it is time.

        Raises:
            MarketOfOneError: The brokers refuse the transaction, or stay away.
        """
        super().poll(timeout_s)
        if self._began_at is not None and time.monotonic() - self._began_at >= COMMIT_S:
            self._commit()

    def close(self) -> int:
        """Commit what is open, if that is still ours to do, and let go."""
        if self._began_at is not None:
            try:
                self._commit()
            except (MarketOfOneError, KafkaException) as error:
                LOG.warning("the last transaction was not committed", extra={"error": str(error)})
        self._closed = True
        return super().close()

    def _commit(self) -> None:
        self._began_at = None
        self._insist(self._settle)
        self._insist(lambda: self._fence(self._producer))
        self._insist(lambda: self._producer.commit_transaction(REACH_S))
        told, self._told = self._told, []
        for tell in told:
            tell()

    def _settle(self) -> None:
        """Let all acknowledgements in: the client's commit would do so as its flush does (see `_serve`)."""
        self._drain(SETTLE_S)
        if self.in_flight:
            raise KafkaException(KafkaError(KafkaError._TIMED_OUT))

    def _hold(self, delivered: Delivered) -> Delivered:
        return lambda *place: self._told.append(partial(delivered, *place))

    def _insist(self, act: Callable[[], None]) -> None:
        """Do it again as long as that may help; else take the transaction back and say why."""
        give_up_at = time.monotonic() + REACH_S
        while True:
            try:
                return act()
            except KafkaException as failed:
                error: KafkaError = failed.args[0]
                helps = error.retriable() or passing(error) or error.code() in WAITING
                if helps and not error.txn_requires_abort() and time.monotonic() < give_up_at:
                    time.sleep(RETRY_S)
                    continue
                self._take_back(error)
                raise self._explained(error, role="transaction") from None

    def _explained(self, error: KafkaError, *, role: str) -> MarketOfOneError:
        if error.code() in FENCED:
            return fenced(error)
        return super()._explained(error, role=role)

    def _take_back(self, error: KafkaError) -> None:
        self._told = []
        if error.txn_requires_abort():
            try:
                self._producer.abort_transaction(REACH_S)
            except KafkaException as failed:
                LOG.warning("not taken back", extra={"error": failed.args[0].name()})
