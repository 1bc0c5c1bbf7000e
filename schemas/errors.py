"""Everything that can go wrong, as one tree, with what happens next.

Disposition says what the worker does with an error of the class; ``hint`` says what the operator does.

    MarketOfOneError            code, disposition, detail, hint
    ├─ ConfigError      HALT         start-up only, exit status 2
    ├─ InputError       DEAD_LETTER  one bad record; travels as a value, the worker goes on
    ├─ ComponentError   DEGRADE      one named plug-in failed; saying less, never more
    ├─ TransportError   RETRY        broker trouble; bounded, then HALT
    └─ StateError       HALT         the store can't be trusted

Bugs (any other exception) are never caught: the worker logs, stops and restarts from its state.
Codes are a closed set (`CODES`): they cross the wire, class names never do.
"""

from enum import StrEnum


class Disposition(StrEnum):
    """What the worker does next."""

    HALT = "halt"
    DEAD_LETTER = "dead_letter"
    DEGRADE = "degrade"
    RETRY = "retry"


class MarketOfOneError(Exception):
    """The root: a coded error with a detail (what, redacted) and a hint (what to do)."""

    disposition: Disposition = Disposition.HALT
    codes: frozenset[str] = frozenset()

    def __init__(self, code: str, detail: str = "", *, hint: str = "") -> None:
        """Bind the code, which must be one that the class declares.

        Raises:
            ValueError: The code is not in the class's closed set.
        """
        if code not in self.codes:
            message = f"unknown error code {code!r} for {type(self).__name__}"
            raise ValueError(message)
        self.code = code
        self.detail = detail
        self.hint = hint
        super().__init__(code, detail, hint)

    def __str__(self) -> str:
        """Primary, detail, hint in one line."""
        text = self.code
        if self.detail:
            text += f": {self.detail}"
        if self.hint:
            text += f" ({self.hint})"
        return text


class ConfigError(MarketOfOneError):
    """Settings that can't work; refused at start."""

    disposition = Disposition.HALT
    codes = frozenset(
        {
            "config.unreadable",
            "config.unknown-key",
            "config.unknown-component",
            "config.bad-value",
            "config.bad-catalogue",
            "config.missing-topic",
            "config.topic-mismatch",
        }
    )


class InputError(MarketOfOneError):
    """One record that can't be used."""

    disposition = Disposition.DEAD_LETTER
    codes = frozenset(
        {
            "input.malformed",
            "input.invalid",
            "input.unknown-kind",
            "input.unknown-topic",
            "input.version-too-new",
            "input.unknown-currency",
            "input.too-late",
            "input.too-early",
            "input.too-large",
            "input.wrong-customer",
            "input.bad-consent",
            "input.unlinked",
            "input.two-people",
        }
    )


class ComponentError(MarketOfOneError):
    """A named plug-in failed on one event."""

    disposition = Disposition.DEGRADE
    codes = frozenset(
        {
            "component.feature",
            "component.trigger",
            "component.forecast",
            "component.nlu",
            "component.policy",
            "component.bandit",
        }
    )


class TransportError(MarketOfOneError):
    """The broker can't be reached, or refuses us."""

    disposition = Disposition.RETRY
    codes = frozenset(
        {"transport.source", "transport.sink", "transport.authentication", "transport.registry"}
    )


class StateError(MarketOfOneError):
    """The store can't be opened or trusted."""

    disposition = Disposition.HALT
    codes = frozenset(
        {
            "state.corrupt",
            "state.version-too-new",
            "state.other-configuration",
            "state.other-owner",
            "state.fenced",
            "state.position-out-of-range",
            "state.unwritable",
            "state.no-backup",
            "state.backup-damaged",
            "state.backup-unreachable",
        }
    )


FAMILIES: tuple[type[MarketOfOneError], ...] = (
    ConfigError,
    InputError,
    ComponentError,
    TransportError,
    StateError,
)
CODES: frozenset[str] = frozenset().union(*(family.codes for family in FAMILIES))
