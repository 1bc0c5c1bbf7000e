"""A worker whose shards a consumer group deals out: it decides on what it has, until that changes.

Each change ends one run of `flows.decide` and begins another: outputs are flushed, the state is closed, and
only then do we agree to the change, so that nobody else opens a shard that is still open here. Workers whose
shards stay are not disturbed.
"""

import logging
from collections.abc import Callable
from pathlib import Path

from confluent_kafka import Producer

from flows.decide import DecideFlow
from flows.kafka.client import Connection
from flows.kafka.fenced import FencedWriter
from flows.kafka.member import Member
from flows.kafka.sink import LogWriter
from flows.settings import Settings
from flows.worker import Stop
from schemas import topics
from state.handover import Tenancy, take
from state.identity import Identity
from state.sealed import Vault
from state.store import CustomerCache

LOG = logging.getLogger(__name__)
WAIT_S = 0.2
RunOf = Callable[[Tenancy, Member | None, LogWriter | None], DecideFlow]
"""Open shards, and for a group its member and the writer that it fences → a run over them."""
Begin = Callable[[Tenancy, Member], DecideFlow]


class GroupFlow:
    """One worker of a group, for as long as it lives."""

    def __init__(
        self,
        member: Member,
        *,
        take: Callable[[frozenset[int]], Tenancy],
        begin: Begin,
        stop: Stop,
    ) -> None:
        """Prepare; shards come once `run` polls.

        Args:
            member: Of the group.
            take: Opens shards, from wherever their state is.
            begin: Makes a run over open shards.
            stop: Asked when the worker should end.
        """
        self._member = member
        self._take = take
        self._begin = begin
        self._stop = stop

    def run(self) -> None:
        """Decide until asked to stop.

        Raises:
            MarketOfOneError: What can't be gone on from.
        """
        try:
            while not self._stop.asked:
                self._member.poll(WAIT_S)
                if self._member.shards and not self._stop.asked:
                    self._term(self._member.shards)
        finally:
            self._member.close()

    def _term(self, shards: frozenset[int]) -> None:
        tenancy = self._take(shards)
        try:
            flow = self._begin(tenancy, self._member)
        except BaseException:
            for store in tenancy.stores.values():
                store.close()
            tenancy.release()
            raise

        def give_up() -> None:
            flow.release()
            tenancy.release()

        self._member.give_up = give_up
        try:
            flow.run()
        finally:
            self._member.give_up = _nothing
            tenancy.release()


def _nothing() -> None:
    """Between terms there is nothing to give up."""


def group_flow(
    settings: Settings,
    connection: Connection,
    *,
    identity: Identity,
    vault: Vault | None,
    run: RunOf,
    stop: Stop,
) -> GroupFlow:
    """A worker whose shards the consumer group deals out."""
    own = settings.decide
    name = f"{own.group}-{own.worker_ordinal}"
    depot = settings.backup.depot()

    def take_over(shards: frozenset[int]) -> Tenancy:
        return take(
            Path(own.state_directory),
            worker=f"worker-{own.worker_ordinal}",
            shards=shards,
            identity=identity,
            log=topics.CUSTOMER_EVENTS,
            cache=CustomerCache(capacity=own.lru_customers, bytes_max=own.lru_bytes),
            vault=vault,
            depot=depot,
        )

    def begin(tenancy: Tenancy, member: Member) -> DecideFlow:
        def fence(producer: Producer) -> None:
            at = {
                number: store.positions().get((topics.CUSTOMER_EVENTS, number), 0)
                for number, store in tenancy.stores.items()
            }
            member.fence(producer, at)

        writer = FencedWriter(connection, name=name, fence=fence, session_ms=own.session_timeout_ms)
        return run(tenancy, member, writer)

    member = Member(connection, group=own.group, instance=name, session_ms=own.session_timeout_ms)
    return GroupFlow(member, take=take_over, begin=begin, stop=stop)
