"""Membership, as far as it needs no broker: what the client refuses while it calls us."""

import pytest
from confluent_kafka import KafkaError, KafkaException, TopicPartition

from flows.kafka.client import Connection
from flows.kafka.member import Member
from schemas.errors import TransportError


class Refusing:
    """A client that takes no change."""

    def incremental_assign(self, places: list[TopicPartition]) -> None:
        del places
        raise KafkaException(KafkaError(KafkaError._STATE))

    incremental_unassign = incremental_assign


def test_a_change_that_the_client_refuses_is_an_error_of_ours() -> None:
    """Its own would come out of the call that we are in as something that nothing can catch, on Python 3.11."""
    member = Member(Connection("127.0.0.1:1"), group="g", instance="worker-0", session_ms=6000)
    places = [TopicPartition("customer-events", 1)]
    with pytest.raises(TransportError, match="_STATE"):
        member._given(Refusing(), places)  # type: ignore[arg-type]
    with pytest.raises(TransportError, match="_STATE"):
        member._taken(Refusing(), places)  # type: ignore[arg-type]
    assert not member.shards
    member.close()
