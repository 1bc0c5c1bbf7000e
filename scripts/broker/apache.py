"""Apache Kafka itself: one KRaft node on the loopback address, tuned to be small, quick up and low in latency."""

import base64
import secrets
import shutil
import signal
import subprocess
from pathlib import Path

from scripts.broker import classes, jars
from scripts.broker.process import HOST, Broker, BrokerError, free_port

_LOGGING = """\
appender.out.type=Console
appender.out.name=out
appender.out.layout.type=PatternLayout
appender.out.layout.pattern=[%d] %p %m (%c{1})%n
rootLogger.level=INFO
rootLogger.appenderRef.out.ref=out
# Each start would print every setting a dozen times.
logger.settings.name=org.apache.kafka.common.config
logger.settings.level=WARN
"""

ENDED = 128 + signal.SIGTERM
"""Status of a JVM that has ended as it was asked to."""


class ApacheKafka(Broker):
    """A one-node Kafka, broker and controller in one JVM. Its log survives stop and kill.

    Args:
        directory: As of `Broker`.
        port: As of `Broker`.
        login: A user and a password. With them it also listens on `guarded_servers`, where only that user
            is let in (SASL_PLAINTEXT with PLAIN): for trying what wrong credentials do, not for safety.
        brief: It lives for minutes: no optimising compiler, which costs more CPU at a start than it gives back, and
            no `classes` written at its stop.
    """

    name = "apache"
    title = "Apache Kafka"
    durable = True
    start_s_max = 90.0
    _controller_port = _guarded_port = 0

    def __init__(
        self,
        directory: Path | None = None,
        *,
        port: int = 0,
        login: tuple[str, str] | None = None,
        brief: bool = False,
    ) -> None:
        super().__init__(directory, port=port)
        self._login, self._brief = login, brief

    @property
    def guarded_servers(self) -> str | None:
        """The address that asks for the login, None without one."""
        return f"{HOST}:{self._guarded_port}" if self._guarded_port else None

    @property
    def _properties(self) -> Path:
        return self.directory / "server.properties"

    @property
    def _data(self) -> Path:
        return self.directory / "data"

    def _prepare(self) -> None:
        folder = jars.fetch()
        self.directory.mkdir(parents=True, exist_ok=True)
        self._controller_port = free_port()
        if self._login is not None:
            self._guarded_port = self._guarded_port or free_port()
        (self.directory / "log4j2.properties").write_text(_LOGGING, encoding="utf-8")
        self._properties.touch(mode=0o600)  # it may hold a password
        self._properties.write_text(self._settings(), encoding="utf-8")
        if not (self._data / "meta.properties").exists():
            self._format(folder)

    def _format(self, folder: Path) -> None:
        shutil.rmtree(self._data, ignore_errors=True)  # what an interrupted format left
        # Of hex digits, so that it can't begin with "-", which the tool would take for an option.
        cluster = base64.urlsafe_b64encode(secrets.token_hex(8).encode()).decode().rstrip("=")
        tool = ["kafka.tools.StorageTool", "format", "-t", cluster, "-c", str(self._properties)]
        # The tool lives for a second: no heap to speak of, no optimising compiler.
        done = subprocess.run(
            [
                *(jars.java(), "-Xmx128m", "-XX:TieredStopAtLevel=1"),
                *classes.options(self.directory, write=False),
                *self._class_path(folder),
                *tool,
            ],
            capture_output=True,
            text=True,
            check=False,
            cwd=self.directory,
        )
        if done.returncode != 0:
            raise BrokerError(
                f"Apache Kafka couldn't format {self._data}; check that the disk can be written.\n"
                + (done.stdout + done.stderr)[-2000:]
            )

    def _class_path(self, folder: Path) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={self.directory / 'log4j2.properties'}"
        return [logging, "-cp", f"{folder}/*"]

    def _command(self) -> list[str]:
        return [
            jars.java(),
            "-server",
            *(("-XX:TieredStopAtLevel=1",) if self._brief else ()),
            *classes.options(self.directory, write=not self._brief),
            "-Xms256m",
            "-Xmx768m",
            # At 1,000 events/s G1 stops all threads for 10 to 20 ms every two seconds on two cores: one answer in a
            # hundred waits for it. ZGC does its work beside them.
            "-XX:+IgnoreUnrecognizedVMOptions",
            "-XX:+UseZGC",
            "-XX:-UsePerfData",  # its mapped file in /tmp stalls the JVM when that disk is busy
            "-Djava.awt.headless=true",
            self.mark,
            *self._class_path(jars.fetch()),
            "kafka.Kafka",
            str(self._properties),
        ]

    @property
    def mark(self) -> str:
        """An argument on the JVM's command line by which its process is known for this directory's."""
        return f"-Dmarket.of.one.kafka={self.directory}"

    def stop(self) -> None:
        """As of `Broker`; the first stop on a machine also keeps Kafka's classes for later starts."""
        process = self._process
        super().stop()
        if process is not None and process.returncode == ENDED:
            classes.keep(self.directory)

    def _settings(self) -> str:
        settings: dict[str, object] = {
            "process.roles": "broker,controller",
            "node.id": 1,
            "controller.quorum.voters": f"1@{HOST}:{self._controller_port}",
            "listeners": f"PLAINTEXT://{HOST}:{self.port},CONTROLLER://{HOST}:{self._controller_port}",
            "advertised.listeners": f"PLAINTEXT://{HOST}:{self.port}",
            "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
            "controller.listener.names": "CONTROLLER",
            "inter.broker.listener.name": "PLAINTEXT",
            "log.dirs": self._data,
            # A typing slip in a topic's name must be an error, not a topic.
            "auto.create.topics.enable": "false",
            # One node: nothing to copy to, and few partitions of Kafka's own topics to open.
            "offsets.topic.replication.factor": 1,
            "offsets.topic.num.partitions": 4,
            "transaction.state.log.replication.factor": 1,
            "transaction.state.log.min.isr": 1,
            "transaction.state.log.num.partitions": 4,
            "share.coordinator.state.topic.replication.factor": 1,
            "share.coordinator.state.topic.min.isr": 1,
            "share.coordinator.state.topic.num.partitions": 1,
            # Waits that only pay in a real cluster.
            "group.initial.rebalance.delay.ms": 0,
            "group.min.session.timeout.ms": 1000,
            "controller.quorum.append.linger.ms": 0,
            "broker.heartbeat.interval.ms": 250,
            # A killed broker may register again only when its old session has run out (9 s by default).
            "broker.session.timeout.ms": 3000,
            "log.segment.delete.delay.ms": 1000,
            # Threads and buffers for a laptop, not a rack.
            "num.network.threads": 2,
            "num.io.threads": 4,
            "background.threads": 2,
            "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        }
        if self._login is not None:
            settings |= self._guard(*self._login)
        return "".join(f"{key}={value}\n" for key, value in settings.items())

    def _guard(self, user: str, password: str) -> dict[str, object]:
        """A second listener, which lets one user in."""
        own, guarded = f"PLAINTEXT://{HOST}:{self.port}", f"GUARDED://{self.guarded_servers}"
        module = "org.apache.kafka.common.security.plain.PlainLoginModule"
        return {
            "listeners": f"{own},{guarded},CONTROLLER://{HOST}:{self._controller_port}",
            "advertised.listeners": f"{own},{guarded}",
            "listener.security.protocol.map": (
                "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,GUARDED:SASL_PLAINTEXT"
            ),
            "listener.name.guarded.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.guarded.plain.sasl.jaas.config": (
                f'{module} required user_{user}="{password}";'
            ),
        }
