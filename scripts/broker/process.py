"""A broker as a child process: start it and know when it answers, stop it, kill it, never leave it behind.

Three nets catch a child when its parent goes: atexit; a SIGTERM handler (only where nobody has set one);
and, on Linux with setpriv on PATH, the kernel's parent-death signal, which even kill -9 of us can't evade.
"""

import atexit
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from types import FrameType, TracebackType
from typing import ClassVar, Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

HOST = "127.0.0.1"
# Below the usual range of outgoing connections, so that none takes the port between a kill and a restart.
FIRST_PORT, LAST_PORT = 20_000, 32_767
LOG_TAIL_LINE_COUNT = 15
PORT_TRY_COUNT = 3

_alive: set["Broker"] = set()
"""Held strongly: a broker whose last name is dropped still has to be ended."""


class BrokerError(RuntimeError):
    """A broker that can't be had; the text tells the operator what to do."""


class Broker(ABC):
    """One broker process with its directory.

    The port and the directory stay the same over stop, kill and restart. Leaving the context (or `close`)
    stops it, and removes the directory if it was a temporary one.

    Args:
        directory: Holds data and log. None makes a temporary one.
        port: To listen on; 0 takes a free one at the first start.
    """

    name: ClassVar[str]
    """Short, for messages and test ids."""
    title: ClassVar[str]
    durable: ClassVar[bool]
    """Whether records outlive a stop or a kill."""
    start_s_max: ClassVar[float] = 60.0
    stop_s_max: ClassVar[float] = 30.0

    def __init__(self, directory: Path | None = None, *, port: int = 0) -> None:
        self._temporary = directory is None
        self._given_port = port
        self.port = port
        self.directory = (
            Path(tempfile.mkdtemp(prefix=f"market-of-one-{self.name}-"))
            if directory is None
            else directory.resolve()
        )
        self._process: subprocess.Popen[bytes] | None = None

    @abstractmethod
    def _prepare(self) -> None:
        """Make ready whatever must lie on the disk before the process starts."""

    @abstractmethod
    def _command(self) -> list[str]:
        """Give the command line; the port is known by now."""

    def _environment(self) -> Mapping[str, str]:
        return os.environ

    @property
    def bootstrap_servers(self) -> str:
        """What a Kafka client calls ``bootstrap.servers``."""
        return f"{HOST}:{self.port}"

    @property
    def log_path(self) -> Path:
        """Where the process writes what it has to say."""
        return self.directory / "broker.log"

    @property
    def pid(self) -> int | None:
        """The running process, or None."""
        return self._process.pid if self._process and self._process.poll() is None else None

    def start(self, *, outlive: bool = False) -> Self:
        """Start the process and wait until it answers.

        Args:
            outlive: Leave it running when this interpreter ends (`scripts/kafka up`).

        Raises:
            BrokerError: It ended, or did not answer in time; with the end of its log.
        """
        if self.pid is not None:
            return self
        if self.port and _taken(self.port):
            raise BrokerError(
                f"port {self.port} is taken by another program: end it, or choose another port."
            )
        for left in reversed(range(PORT_TRY_COUNT)):
            self.port = self.port or free_port()
            self._prepare()
            self._spawn(outlive=outlive)
            try:
                self._wait()
            except BrokerError:
                self.kill()
                if self._given_port or not left or not _taken(self.port):
                    raise
                self.port = 0  # somebody was quicker with the port that looked free
            else:
                return self
        raise AssertionError

    def stop(self) -> None:
        """Ask the process to end, as an orderly shutdown does, and wait; past the limit, kill it."""
        if self._process and self.pid is not None:
            self._process.terminate()
            try:
                self._process.wait(self.stop_s_max)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._reap()

    def kill(self) -> None:
        """End the process at once, as kill -9 or a power cut does."""
        if self._process and self.pid is not None:
            self._process.kill()
        self._reap()

    def restart(self) -> Self:
        """Stop it if it runs, and start it on the same port over the same directory."""
        self.stop()
        return self.start()

    def close(self) -> None:
        """Stop it and remove a temporary directory."""
        self.stop()
        if self._temporary:
            shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.close()  # a context that isn't entered isn't left either
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _spawn(self, *, outlive: bool) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        command = self._command()
        if not outlive:
            _watch()
            command = _tied_to_us(command)
            _alive.add(self)
        with self.log_path.open("ab") as log:
            try:
                self._process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env=dict(self._environment()),
                    cwd=self.directory,
                    # Ctrl-C is for us: we end the broker after our last flush. One that outlives us leaves the
                    # terminal; any other stays in our session, by which Linux shares the processors out.
                    start_new_session=outlive,
                    process_group=None if outlive else 0,
                )
            except OSError as error:
                raise BrokerError(f"{self.title} can't be started: {error}") from error

    def _wait(self) -> None:
        """Wait for an answer that names the broker, hence one that takes part in its own cluster."""
        assert self._process is not None  # noqa: S101 - _spawn has just set it
        deadline = time.monotonic() + self.start_s_max
        admin = quick_admin(self.bootstrap_servers)
        while time.monotonic() < deadline:
            if self._process.poll() is not None:
                raise BrokerError(
                    f"{self.title} ended while starting (exit code {self._process.returncode})."
                    f" {self._log_tail()}"
                )
            with contextlib.suppress(KafkaException):
                answered = bool(admin.list_topics(timeout=0.25).brokers)
                if answered and self._process.poll() is None:
                    return
        raise BrokerError(
            f"{self.title} didn't answer on {self.bootstrap_servers} within"
            f" {self.start_s_max:.0f} s. {self._log_tail()}"
        )

    def _reap(self) -> None:
        if self._process:
            self._process.wait()
            self._process = None
        _alive.discard(self)

    def _log_tail(self) -> str:
        try:
            lines = self.log_path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return f"It left no log at {self.log_path}."
        return "\n".join([f"The end of {self.log_path}:", *lines[-LOG_TAIL_LINE_COUNT:]])


def quick_admin(bootstrap_servers: str) -> AdminClient:
    """Make an admin client for a broker that is just coming up: silent, and quick to try again."""
    return AdminClient(
        {
            "bootstrap.servers": bootstrap_servers,
            "reconnect.backoff.ms": 20,
            "reconnect.backoff.max.ms": 100,
            "log_level": 0,
        }
    )


def free_port() -> int:
    """Find a loopback port that nobody listens on."""
    for _ in range(200):
        port = FIRST_PORT + secrets.randbelow(LAST_PORT - FIRST_PORT + 1)
        if not _taken(port):
            return port
    raise BrokerError(
        f"no free port between {FIRST_PORT} and {LAST_PORT} on {HOST}: end some servers."
    )


def _taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
    return False


def _tied_to_us(command: list[str]) -> list[str]:
    """Have the kernel end the child with us. The signal hangs on the starting *thread*, so main only."""
    setpriv = shutil.which("setpriv")
    if setpriv and threading.current_thread() is threading.main_thread():
        return [setpriv, "--pdeathsig", "KILL", "--", *command]
    return command


_watching = False


def _watch() -> None:
    """Stop all brokers when the interpreter ends or SIGTERM arrives."""
    global _watching  # noqa: PLW0603 - the handlers are the process's, hence so is this flag
    if _watching:
        return
    _watching = True
    atexit.register(_close_all)
    if (
        threading.current_thread() is threading.main_thread()
        and signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    ):
        signal.signal(signal.SIGTERM, _on_sigterm)


def _close_all() -> None:
    for broker in list(_alive):
        broker.close()


def _on_sigterm(number: int, frame: FrameType | None) -> None:
    """Stop the brokers, then die of the signal, so that the parent sees the usual exit status."""
    del frame
    _close_all()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
