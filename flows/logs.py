"""Logs as one JSON object a line on stderr. No personal data: never a payload, never a stranger's message."""

import logging
import sys
import traceback
from types import TracebackType
from typing import Any

import orjson

from schemas.errors import MarketOfOneError

_OWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class JsonFormatter(logging.Formatter):
    """One object a line: instant, level, module, message, and what was passed as ``extra``.

    Of an exception that is not ours only the type and the places are kept: its words may quote a record.
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, Any] = {
            "at_ms": round(record.created * 1000),
            "level": record.levelname.lower(),
            "module": record.name,
            "message": record.getMessage(),
        }
        line.update({k: v for k, v in vars(record).items() if k not in _OWN})
        if record.exc_info and record.exc_info[1] is not None:
            error = record.exc_info[1]
            line["exception"] = type(error).__name__
            if isinstance(error, MarketOfOneError):
                line["error"] = str(error)
            line["places"] = places(error.__traceback__)
        return orjson.dumps(line, default=str).decode()


def places(trace: TracebackType | None) -> list[str]:
    """The frames of a traceback, as file:line function, outermost first."""
    return [
        f"{frame.filename}:{frame.lineno} {frame.name}" for frame in traceback.extract_tb(trace)
    ]


def configure(level: str = "INFO") -> None:
    """Send every log of the process to stderr as JSON."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter())
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
