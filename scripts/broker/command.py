"""`scripts/kafka`: a local Apache Kafka that stays up between commands."""

import argparse
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from scripts.bootstrap import ROOT
from scripts.broker import classes
from scripts.broker.apache import ApacheKafka
from scripts.broker.process import BrokerError

DEFAULT_DIRECTORY = ROOT / ".run" / "kafka"
DEFAULT_PORT = 9092
NOT_RUNNING = 3  # status of a service that is down, as init scripts give it


def main() -> int:
    """Read the command line and do it; 0 if all is well."""
    parser = argparse.ArgumentParser(prog="scripts/kafka", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for verb, words in (
        ("up", "start it, unless it runs, and print its address"),
        ("down", "stop the one that `up` started; its data stays"),
        ("status", "print its address; exit code 3 if it isn't running"),
    ):
        sub = verbs.add_parser(verb, help=words, description=words)
        sub.add_argument("--dir", type=Path, default=DEFAULT_DIRECTORY, help="data, log, pid file")
        if verb == "up":
            sub.add_argument("--port", type=int, default=DEFAULT_PORT, help="0 takes a free one")
            sub.add_argument(
                "--login",
                type=_login,
                metavar="USER:PASSWORD",
                help="listen on one more address, for this user alone (SASL_PLAINTEXT, PLAIN)",
            )
    asked = parser.parse_args()
    directory: Path = asked.dir.resolve()
    try:
        if asked.verb == "up":
            return _up(directory, asked.port, asked.login)
        return _down(directory) if asked.verb == "down" else _status(directory)
    except BrokerError as error:
        print(f"kafka: {error}", file=sys.stderr)
        return 1


def _login(text: str) -> tuple[str, str]:
    user, _, password = text.partition(":")
    if not (user.isidentifier() and password) or set(password) & set('"\\\n'):
        raise argparse.ArgumentTypeError(
            "give USER:PASSWORD, letters and digits in USER, no quote in PASSWORD"
        )
    return user, password


def _up(directory: Path, port: int, login: tuple[str, str] | None) -> int:
    with _alone(directory):
        running = _running(directory)
        if running is None:
            began = time.monotonic()
            broker = ApacheKafka(directory, port=port, login=login)
            broker.start(outlive=True)
            _pid_file(directory).write_text(f"{broker.pid} {broker.bootstrap_servers}\n")
            took_s = time.monotonic() - began
            print(f"kafka: up in {took_s:.1f} s, log in {broker.log_path}", file=sys.stderr)
            if broker.guarded_servers is not None:
                print(f"kafka: asks for the login on {broker.guarded_servers}", file=sys.stderr)
            print(broker.bootstrap_servers)
        else:
            print("kafka: runs already", file=sys.stderr)
            print(running[1])
    return 0


def _down(directory: Path) -> int:
    with _alone(directory):
        running = _running(directory)
        if running is None:
            print("kafka: not running", file=sys.stderr)
        else:
            if _end(running[0], directory):
                classes.keep(directory)
            print("kafka: down", file=sys.stderr)
        _pid_file(directory).unlink(missing_ok=True)
    return 0


def _status(directory: Path) -> int:
    running = _running(directory)
    if running is None:
        print("kafka: not running; start it with scripts/kafka up", file=sys.stderr)
        return NOT_RUNNING
    print(running[1])
    return 0


def _end(pid: int, directory: Path) -> bool:
    """Ask the process to end and wait; it isn't our child, so look at it until it is gone. Whether asking did it."""
    for number, patience_s in ((signal.SIGTERM, 30.0), (signal.SIGKILL, 10.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline:
            if not _ours(pid, directory):
                return number == signal.SIGTERM
            time.sleep(0.05)
    raise BrokerError(f"process {pid} doesn't end, not even killed: look at it with ps.")


def _running(directory: Path) -> tuple[int, str] | None:
    """The process that `up` started for this directory and its address, if it is still that one."""
    try:
        pid, address = _pid_file(directory).read_text().split()
    except (OSError, ValueError):
        return None
    return (int(pid), address) if _ours(int(pid), directory) else None


def _ours(pid: int, directory: Path) -> bool:
    """Whether a process carries this directory's mark: pids come round again."""
    mark = ApacheKafka(directory).mark
    try:
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace").split("\0")
    except OSError:
        listing = ["ps", "-ww", "-p", str(pid), "-o", "args="]  # macOS has no /proc
        with contextlib.suppress(OSError):
            done = subprocess.run(listing, capture_output=True, text=True, check=False)
            return f"{mark} " in done.stdout
        return False
    return mark in arguments


def _pid_file(directory: Path) -> Path:
    return directory / "kafka.pid"


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Let one `up` or `down` of a directory run at a time."""
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
