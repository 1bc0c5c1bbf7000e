"""The nursery's own process, `python -m scripts.campaign.nursery DOOR`: it loads the product once and forks workers.

Each connection to the socket DOOR asks for one worker with a line of JSON, hears its process id, and later its
status. The child stays unburied until the connection is closed: no other process can have its id by then. When
the standard input ends, whoever asked is gone, and so go all workers. Nothing that runs threads is touched here.
"""

import gc
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import traceback
from contextlib import suppress
from pathlib import Path
from typing import Any

import orjson

# As in flows.__main__, and so that numpy starts no thread.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import flows.run  # noqa: F401 - what every worker loads


class Ward:
    """The children, each by the connection that asked for it."""

    def __init__(self, door: Path) -> None:
        """Listen."""
        self._waiting = selectors.DefaultSelector()
        self._door = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._door.bind(str(door))
        self._door.listen()
        self._waiting.register(self._door, selectors.EVENT_READ)
        self._waiting.register(sys.stdin.fileno(), selectors.EVENT_READ)
        self._alarm, self._wake = socket.socketpair()
        self._wake.settimeout(0.0)
        self._waiting.register(self._alarm, selectors.EVENT_READ)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        self._living: dict[socket.socket, int] = {}
        self._ended: dict[socket.socket, int] = {}

    def serve(self) -> None:
        """Fork what is asked for, until the standard input ends."""
        while True:
            for key, _ in self._waiting.select():
                if key.fileobj is self._door:
                    self._bear(self._door.accept()[0])
                elif key.fileobj is self._alarm:
                    self._alarm.recv(4096)
                    self._report()
                elif isinstance(key.fileobj, socket.socket):
                    self._bury(key.fileobj)
                elif not os.read(sys.stdin.fileno(), 1):
                    self._end()
                    return

    def _bear(self, wire: socket.socket) -> None:
        asked = orjson.loads(wire.makefile("rb").readline())
        pid = os.fork()
        if not pid:
            wire.close()
            self._leave()
            _live(asked)
        self._living[wire] = pid
        self._waiting.register(wire, selectors.EVENT_READ)
        wire.sendall(b"%d\n" % pid)

    def _report(self) -> None:
        """Tell of who has ended, and leave them where they are."""
        for wire, pid in list(self._living.items()):
            how = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT | os.WNOHANG)
            if how is not None:
                self._ended[wire] = self._living.pop(wire)
                status = how.si_status if how.si_code == os.CLD_EXITED else -how.si_status
                with suppress(OSError):  # nobody listens any more
                    wire.sendall(b"%d" % status)

    def _bury(self, wire: socket.socket) -> None:
        """The connection was closed: whoever asked has heard, or wants it no more."""
        self._waiting.unregister(wire)
        wire.close()
        pid = self._ended.pop(wire, 0)
        if not pid:
            pid = self._living.pop(wire)
            os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)

    def _leave(self) -> None:
        """In a child: let go of what is the nursery's."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._waiting.close()
        for one in (self._door, self._alarm, self._wake, *self._living, *self._ended):
            one.close()

    def _end(self) -> None:
        for pid in self._living.values():
            os.kill(pid, signal.SIGKILL)


def _live(asked: dict[str, Any]) -> None:
    """In the child: be `python -m MODULE ARGUMENTS …`, and never come back."""
    status = 1
    try:
        os.setsid()
        log = os.open(asked["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for number, file in ((0, nothing), (1, log), (2, log)):
            os.dup2(file, number)
        os.close(log)
        os.close(nothing)
        os.environ.clear()
        os.environ.update(asked["environment"])
        module, *arguments = asked["command"]
        sys.argv[1:] = arguments
        runpy.run_module(module, run_name="__main__", alter_sys=True)
        status = 0
    except SystemExit as end:
        status = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001 - the last frame of this process
        traceback.print_exc()
    finally:
        for thread in threading.enumerate():
            if not thread.daemon and thread is not threading.current_thread():
                thread.join()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(status)


def main() -> int:
    """Load, freeze what was loaded so that children share it, and serve."""
    gc.freeze()
    Ward(Path(sys.argv[1])).serve()
    return 0


if __name__ == "__main__":
    sys.exit(main())
