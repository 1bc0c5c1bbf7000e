"""The bare loop that the product is compared with: consume → (orjson) → produce, nothing between.

    python -m scripts.benchmarks.echo BOOTSTRAP TOPIC_IN TOPIC_OUT [COUNT]

With COUNT it parses and writes each value with orjson, stops after that many and prints its CPU seconds.
"""

import resource
import signal
import sys
import time

import orjson
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition

from scripts.benchmarks.lab import end_of


def main() -> int:
    """Echo until told to stop, or until COUNT records have passed."""
    bootstrap, source, target, *rest = sys.argv[1:]
    count = int(rest[0]) if rest else None
    stopping = []
    signal.signal(signal.SIGTERM, lambda *_: stopping.append(True))
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "bench-echo",
            "enable.auto.commit": False,
            "fetch.wait.max.ms": 50,
            "socket.nagle.disable": True,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "linger.ms": 0,
            "queue.buffering.max.messages": 1_000_000,
            "partitioner": "murmur2_random",
            "socket.nagle.disable": True,
        }
    )
    partitions = consumer.list_topics(source, timeout=10).topics[source].partitions
    consumer.assign(
        [
            TopicPartition(
                source,
                index,
                end_of(consumer, source, index) if count is None else OFFSET_BEGINNING,
            )
            for index in partitions
        ]
    )
    passed, began, began_cpu_s = 0, time.perf_counter(), _cpu_s()
    while not stopping and (count is None or passed < count):
        for message in consumer.consume(512, 0) or consumer.consume(1, 0.01):
            if message.error() is not None:
                continue
            if not passed:
                began, began_cpu_s = time.perf_counter(), _cpu_s()
            value = message.value()
            if count is not None:
                value = orjson.dumps(orjson.loads(value or b"null"))
            producer.produce(target, value, message.key())
            passed += 1
        producer.poll(0)
    producer.flush(10)
    print(
        orjson.dumps(
            {
                "passed": passed,
                "wall_s": time.perf_counter() - began,
                "cpu_s": _cpu_s() - began_cpu_s,
            }
        ).decode(),
        flush=True,
    )
    consumer.close()
    return 0


def _cpu_s() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


if __name__ == "__main__":
    sys.exit(main())
