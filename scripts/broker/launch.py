"""Start whichever broker suits: Apache Kafka where Java and Maven are, else the embedded one."""

import sys
from pathlib import Path
from typing import Literal

from scripts.broker import jars
from scripts.broker.apache import ApacheKafka
from scripts.broker.embedded import EmbeddedBroker
from scripts.broker.process import Broker, BrokerError

Preference = Literal["auto", "apache", "embedded"]


def start_broker(
    prefer: Preference = "auto", *, directory: Path | None = None, port: int = 0
) -> Broker:
    """Start a broker and say on stderr which, and why.

    Args:
        prefer: ``auto`` takes Apache Kafka if this machine can run it, else the embedded broker.
        directory: Where its data and log lie; None: a temporary folder that `Broker.close` removes.
        port: To listen on; 0: a free one.

    Raises:
        BrokerError: The broker that was asked for, or under ``auto`` both, can't be had.
    """
    if prefer == "embedded":
        return _start(EmbeddedBroker(directory, port=port), "as asked")
    if prefer == "apache":
        return _start(ApacheKafka(directory, port=port), "as asked")
    lack = jars.missing()
    if lack is None:
        try:
            return _start(ApacheKafka(directory, port=port), "Java is here; it is the real thing")
        except BrokerError as error:
            lack = f"Apache Kafka failed: {error}"
    return _start(EmbeddedBroker(directory, port=port), lack)


def _start(broker: Broker, reason: str) -> Broker:
    try:
        broker.start()
    except BrokerError:
        broker.close()
        raise
    print(f"broker: {broker.title} on {broker.bootstrap_servers} ({reason})", file=sys.stderr)
    return broker
