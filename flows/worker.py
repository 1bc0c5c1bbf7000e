"""What every flow shares: run a graph to its end, stop on a signal, and never fail in silence."""

import functools
import gc
import logging
import os
import signal
import threading
from collections.abc import Callable
from datetime import timedelta
from types import FrameType
from typing import ParamSpec, TypeVar

from bytewax.dataflow import Dataflow
from bytewax.run import cli_main

LOG = logging.getLogger(__name__)
NEVER = timedelta(days=3650)
"""No epochs: they would stop the input, and nothing of ours lives in Bytewax's recovery store."""
CLOSE_S_MAX = 5.0
STUCK = 70
"""Exit status when the process did not end in time (EX_SOFTWARE)."""

_execute: Callable[..., None] = cli_main
P = ParamSpec("P")
R = TypeVar("R")


class Stop:
    """A flag that a signal sets, and a watchdog that ends the process if nothing follows from it."""

    def __init__(self) -> None:
        self.asked = False
        self._watchdog: threading.Timer | None = None

    def listen(self) -> None:
        """Set the flag on SIGTERM and SIGINT. Why a flag: an exception in Bytewax's loop aborts it unclean."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._heard)

    def ask(self) -> None:
        """End soon, and by force after `CLOSE_S_MAX`."""
        if self.asked:
            return
        self.asked = True
        self._watchdog = threading.Timer(CLOSE_S_MAX, _give_up)
        self._watchdog.daemon = True
        self._watchdog.start()

    def done(self) -> None:
        """The end was reached; the watchdog may go."""
        if self._watchdog is not None:
            self._watchdog.cancel()

    def _heard(self, number: int, frame: FrameType | None) -> None:
        del frame
        LOG.info("stopping", extra={"signal": signal.Signals(number).name})
        self.ask()


def _give_up() -> None:
    LOG.critical("did not end in time", extra={"seconds": CLOSE_S_MAX})
    os._exit(STUCK)


class Failure:
    """Remembers the first error of a run, which Bytewax would wrap in its own."""

    def __init__(self) -> None:
        self.error: BaseException | None = None

    def guard(self, callback: Callable[P, R]) -> Callable[P, R]:
        """The callback, which logs and remembers what it raises before raising it."""

        @functools.wraps(callback)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                return callback(*args, **kwargs)
            except StopIteration:
                raise
            except Exception as error:
                if self.error is None:
                    self.error = error
                    LOG.exception("the flow stops", extra={"code": getattr(error, "code", "bug")})
                raise

        return guarded


def dismiss_collector() -> None:
    """Switch Python's cycle collector off: it stops the worker to walk over records that have no cycles.

    Even the youngest generation costs some ten milliseconds a pass, since what an event makes (a customer's
    new record) lives on in the cache. Reference counts free everything that deciding lets go of, which a
    law holds `operators.decide` to.
    """
    gc.collect()
    gc.freeze()
    gc.disable()


def run(graph: Dataflow, *, failure: Failure) -> None:
    """Run a graph in this thread until its source ends.

    Raises:
        Exception: What stopped the run, as it was raised and not as Bytewax wraps it.
    """
    dismiss_collector()
    try:
        _execute(graph, epoch_interval=NEVER)
    except Exception as wrapped:  # noqa: BLE001 - what Bytewax raises wraps what we raised
        raise failure.error or wrapped from None
