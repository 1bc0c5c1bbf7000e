"""How a worker's process comes to be: started anew, or forked off a nursery that has loaded the product.

Both run `python -m MODULE`, both are processes of their own that a signal hits alone. Loading takes a
worker some two seconds of CPU, deciding a few hundred events a fraction of one.
"""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol, Self

import orjson

from scripts.bootstrap import ROOT

READY_S_MAX = 60.0
KNOCK_S = 0.02
SOCKET = "nursery"


class Process(Protocol):
    """What of `subprocess.Popen` the campaign uses."""

    pid: int
    returncode: int | None

    def poll(self) -> int | None:
        """The status if it has ended: negative, the number of the signal."""
        ...

    def wait(self, timeout: float | None = None) -> int:
        """The status, once it has ended; TimeoutExpired if it has not by then."""
        ...

    def send_signal(self, sig: int) -> None:
        """Send a signal unless it has ended."""
        ...


class Births(Protocol):
    """Where workers come from; ``start_s`` is how long one takes until it reads, roughly."""

    start_s: float

    def born(self, command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> Process:
        """A process that runs a module with arguments, in this environment alone, and writes to the log."""
        ...


class Started:
    """Each worker is a Python of its own, started as an operator does."""

    start_s = 1.4

    def born(self, command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> Process:
        """As of `Births`; it ends with us whatever happens."""
        line = [sys.executable, "-m", *command]
        setpriv = shutil.which("setpriv")
        if setpriv:
            line = [setpriv, "--pdeathsig", "KILL", "--", *line]
        with log.open("ab") as file:
            return subprocess.Popen(
                line,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                start_new_session=True,
                env={**environment},
            )


class Nursery:
    """One process that has loaded the product and forks workers; they end with it, and it with us.

    It begins to load when it is made; use it as a context.
    """

    start_s = 0.5

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="market-of-one-nursery-"))
        self._door = self._folder / SOCKET
        self._process = subprocess.Popen(
            [sys.executable, "-m", "scripts.campaign.nursery", str(self._door)],
            cwd=ROOT,
            stdin=subprocess.PIPE,  # its end tells the nursery of ours
            start_new_session=True,
        )

    def born(self, command: Sequence[str], *, environment: Mapping[str, str], log: Path) -> Process:
        """As of `Births`.

        Raises:
            OSError: The nursery is gone.
        """
        wire = self._connected()
        wire.sendall(
            orjson.dumps({"command": command, "environment": environment, "log": str(log)}) + b"\n"
        )
        return Forked(wire)

    def close(self) -> None:
        """End it, and what it has borne."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait()
        shutil.rmtree(self._folder, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _connected(self) -> socket.socket:
        give_up_at = time.monotonic() + READY_S_MAX
        while True:
            wire = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                wire.connect(str(self._door))
            except (FileNotFoundError, ConnectionRefusedError):  # it is still loading
                wire.close()
                if self._process.poll() is not None or time.monotonic() > give_up_at:
                    raise
                time.sleep(KNOCK_S)
            else:
                return wire


class Forked:
    """A process that a nursery has forked: the wire to the nursery tells its id, and its status when it has ended.

    The nursery buries it once the wire is closed, so no signal of ours hits another process with the same id.
    """

    def __init__(self, wire: socket.socket) -> None:
        """Hear its id."""
        self._wire = wire
        word = b""
        while not word.endswith(b"\n"):
            word += wire.recv(1)  # and no further: the status may follow
        self.pid = int(word)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        """As of `Process`."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0.0)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """As of `Process`; -9 too if the nursery was ended, which ends all its children."""
        if self.returncode is None:
            self._wire.settimeout(timeout)
            try:
                word = self._wire.recv(16)
            except (BlockingIOError, TimeoutError):
                raise subprocess.TimeoutExpired(["worker", str(self.pid)], timeout or 0.0) from None
            self.returncode = int(word or -signal.SIGKILL)
            self._wire.close()
        return self.returncode

    def send_signal(self, sig: int) -> None:
        """As of `Process`."""
        if self.poll() is None:
            os.kill(self.pid, sig)
