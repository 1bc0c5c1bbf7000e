"""Reporting positions to a group: what an outage kept from it is told later."""

from typing import Any, cast

from confluent_kafka import Consumer, KafkaError, TopicPartition

from flows.kafka.client import Connection
from flows.kafka.report import Report

SPOT = ("customer-events", 3)


class Recorder:
    """Stands for the consumer: notes what is committed."""

    def __init__(self) -> None:
        self.commits: list[dict[tuple[str, int], int]] = []

    def commit(self, offsets: list[TopicPartition], **_: Any) -> None:
        self.commits.append({(o.topic, o.partition): o.offset for o in offsets})


def test_what_was_not_taken_is_sent_again_unless_it_is_old() -> None:
    """A failed report is repeated once; a later one makes it needless."""
    report, consumer = Report(Connection("localhost", prefix="a.")), Recorder()
    failed = KafkaError(KafkaError._TRANSPORT)
    report.send(cast("Consumer", consumer), {SPOT: 7})
    report.heard(failed, [TopicPartition("a.customer-events", 3, 7)])
    report.send(cast("Consumer", consumer), {})
    report.send(cast("Consumer", consumer), {SPOT: 9})
    report.heard(failed, [TopicPartition("a.customer-events", 3, 7)])
    report.heard(None, [TopicPartition("a.customer-events", 3, 9)])
    report.send(cast("Consumer", consumer), {})
    assert consumer.commits == [{("a.customer-events", 3): at} for at in (7, 7, 9)]


def test_a_commit_that_came_late_is_put_right() -> None:
    """An older report that is taken after a newer one is followed by the newer one again."""
    report, consumer = Report(Connection("localhost", prefix="a.")), Recorder()
    for at in (7, 9):
        report.send(cast("Consumer", consumer), {SPOT: at})
    for at in (9, 7):
        report.heard(None, [TopicPartition("a.customer-events", 3, at)])
    report.send(cast("Consumer", consumer), {})
    report.heard(None, [TopicPartition("a.customer-events", 3, 9)])
    report.send(cast("Consumer", consumer), {})
    assert consumer.commits == [{("a.customer-events", 3): at} for at in (7, 9, 9)]
