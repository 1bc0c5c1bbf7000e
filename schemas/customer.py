"""The one record per customer: consents, memories of the plug-ins, open decisions, contacts.

Everything in it is made of str, bytes, int, float, bool, None, list and dict (and the small classes here), so
the codec needs no knowledge of meaning. `operators.decide` never changes a record that it was given:
it works on `Customer.copy()` and replaces what it changes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b
from typing import Any, NamedTuple, NoReturn

from schemas.base import Purpose, Source

Memory = Any
"""The memory of one plug-in: a value of these types that is replaced, never changed in place."""


EVENT_MARK_BYTES = 6
"""How much is remembered of an event id: a new one is taken for one of 64 known ones once in 10^12 events."""
_SOURCES: dict[str, Source] = {source.value: source for source in Source}
_NO_SOURCES: frozenset[Source] = frozenset()


@lru_cache(maxsize=1024)
def _sources(names: tuple[str, ...]) -> frozenset[Source]:
    """The same object for the same sources, which compares and hashes at once."""
    return frozenset(_SOURCES[name] for name in names)


def event_mark(event_id: str) -> bytes:
    """What is remembered of an event id.

    Example:
        >>> len(event_mark("e-1"))
        6
    """
    return blake2b(event_id.encode(), digest_size=EVENT_MARK_BYTES).digest()


@dataclass(slots=True, frozen=True)
class Grant:
    """Consent to use one source for one purpose.

    ``position`` is where on the customer's log it was given, as ``topic:partition:offset:index``.
    ``special`` names the special categories that it covers as well.
    """

    record_id: str
    position: str
    from_ms: int
    until_ms: int | None = None
    special: tuple[str, ...] = ()


class Terms(NamedTuple):
    """What follows from the grants of one purpose.

    ``single`` is the one grant for all its sources, which stand or fall together; None where there are several or
    none. ``ends_ms`` is when the first of them ends by itself, None where none does.
    """

    sources: frozenset[Source]
    single: Grant | None
    ends_ms: int | None


class Granted(dict[str, Grant]):
    """The grants of one purpose by source: replaced, never changed, so what follows from them is worked out once.

    Equal to a plain dictionary of the same grants. ``terms`` is what `terms_of` keeps of them, and ``packed`` what the
    codec does; None at first.

    Example:
        >>> grants = Granted(app=Grant("r-1", "p", 5))
        >>> grants == dict(grants), grants.terms, grants.packed
        (True, None, None)
    """

    __slots__ = ("packed", "terms")

    def __init__(self, grants: Mapping[str, Grant] | Iterable[Any] = (), **named: Grant) -> None:
        """Take the grants over."""
        super().__init__(grants, **named)
        self.packed: Any = None
        self.terms: Terms | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return Granted, (dict(self),)

    def _unchangeable(self, *_: Any, **__: Any) -> NoReturn:
        message = "grants are replaced, never changed"
        raise TypeError(message)

    __setitem__ = __delitem__ = __ior__ = _unchangeable
    clear = pop = popitem = setdefault = update = _unchangeable


def terms_of(by_source: Mapping[str, Grant]) -> Terms:
    """What follows from the grants of one purpose, kept with them where they are `Granted`.

    Example:
        >>> terms = terms_of(Granted(app=Grant("r-1", "p", 5), profile=Grant("r-2", "p", 5, until_ms=9)))
        >>> terms.ends_ms, terms.single
        (9, None)
    """
    granted = by_source if isinstance(by_source, Granted) else Granted(by_source)
    terms = granted.terms
    if terms is None:
        grants = granted.values()
        terms = granted.terms = Terms(
            sources=_sources(tuple(granted)),
            single=next(iter(grants)) if len(set(map(id, grants))) == 1 else None,
            ends_ms=min((g.until_ms for g in grants if g.until_ms is not None), default=None),
        )
    return terms


# Every decision makes these four. Nothing changes one once it is made; to make a frozen one takes five times as long.
@dataclass(slots=True)
class LiveSignal:
    """A signal that still holds: remembered so that a later moment can answer it."""

    at_ms: int
    until_ms: int
    strength: float
    sources: tuple[str, ...]
    words: str
    evidence: dict[str, Any]


@dataclass(slots=True)
class OpenDecision:
    """What a decision needs to be learnt from when the answer comes.

    ``context`` and ``action_features`` are what the model saw (dx and da floats), packed by `schemas.vectors`; empty
    where the decision is not ``trainable``.
    ``label`` is the label that the learner holds now, None before the first lesson.
    """

    decision_id: str
    at_ms: int
    action: str
    purpose: str | None
    channel: str
    arm: str
    propensity: float
    model: str
    context: bytes
    action_features: bytes
    sources: tuple[str, ...]
    until_ms: int
    trainable: bool
    label: float | None = None
    last_outcome: str | None = None


@dataclass(slots=True)
class Outstanding:
    """Something said that still holds: what it stands on, so that it can be taken back.

    ``sources`` are what its purpose could use when it was chosen; it holds until ``until_ms``.
    """

    decision_id: str
    action: str
    purpose: str
    channel: str
    sources: tuple[str, ...]
    until_ms: int


@dataclass(slots=True)
class Contact:
    """One thing that was said to the customer (for caps)."""

    at_ms: int
    action: str
    kind: str
    channel: str


@dataclass(slots=True, frozen=True)
class Preference:
    """A channel's switch and quiet hours (UTC, from inclusive to exclusive)."""

    enabled: bool = True
    quiet_from_hour: int | None = None
    quiet_to_hour: int | None = None


@dataclass(slots=True)
class Customer:
    """Everything held on one customer.

    ``grants`` is purpose → source → Grant; the inner ones (`Granted`, but in tests) are shared by
    copies and replaced, never changed. ``slots`` is slot name → memory, and
    ``touched`` the day (since 1970) on which each was written last. ``recent`` holds the marks of the last
    event ids (bounded), ``timers`` is timer name → due instant (ms). ``latest_ms`` is the newest event time seen.
    ``rests`` is action (or ``category:…``) → instant before which it is not proposed again.
    ``refusals`` and ``withdrawn`` are «purpose:source» → instant of the last «no» to being asked, and of the
    last withdrawal. ``mistrusted`` is source → instant until which it is not used, since the customer
    called it too personal. ``outstanding`` is offer id → Outstanding. ``category_limits`` and
    ``channel_limits`` are «purpose:source» → what the grant is limited to; without an entry it is not.
    ``access`` is institution → Grant to read the accounts there, ended ones included.
    """

    customer: str
    since_ms: int = 0
    latest_ms: int = 0
    grants: dict[str, Mapping[str, Grant]] = field(default_factory=dict)
    refusals: dict[str, int] = field(default_factory=dict)
    withdrawn: dict[str, int] = field(default_factory=dict)
    objections: dict[str, int] = field(default_factory=dict)
    vulnerable: dict[str, int] = field(default_factory=dict)
    preferences: dict[str, Preference] = field(default_factory=dict)
    profile: dict[str, Any] = field(default_factory=dict)
    products: dict[str, int] = field(default_factory=dict)
    slots: dict[str, Memory] = field(default_factory=dict)
    signals: dict[str, LiveSignal] = field(default_factory=dict)
    open: dict[str, OpenDecision] = field(default_factory=dict)
    contacts: list[Contact] = field(default_factory=list)
    rests: dict[str, int] = field(default_factory=dict)
    mistrusted: dict[str, int] = field(default_factory=dict)
    recent: bytes = b""
    timers: dict[str, int] = field(default_factory=dict)
    decision_count: int = 0
    previous_digest: str = ""
    outstanding: dict[str, Outstanding] = field(default_factory=dict)
    category_limits: dict[str, list[str]] = field(default_factory=dict)
    channel_limits: dict[str, list[str]] = field(default_factory=dict)
    access: dict[str, Grant] = field(default_factory=dict)
    touched: dict[str, int] = field(default_factory=dict)

    def copy(self) -> "Customer":
        """A copy whose containers may be changed without touching this one (values are immutable)."""
        # Field by field: half the cost of the constructor, and this is done for each event.
        made = object.__new__(Customer)
        made.customer = self.customer
        made.since_ms = self.since_ms
        made.latest_ms = self.latest_ms
        made.grants = self.grants.copy()
        made.refusals = self.refusals.copy()
        made.withdrawn = self.withdrawn.copy()
        made.objections = self.objections.copy()
        made.vulnerable = self.vulnerable.copy()
        made.preferences = self.preferences.copy()
        made.profile = self.profile.copy()
        made.products = self.products.copy()
        made.slots = self.slots.copy()
        made.signals = self.signals.copy()
        made.open = self.open.copy()
        made.contacts = self.contacts.copy()
        made.rests = self.rests.copy()
        made.mistrusted = self.mistrusted.copy()
        made.recent = self.recent
        made.timers = self.timers.copy()
        made.decision_count = self.decision_count
        made.previous_digest = self.previous_digest
        made.outstanding = self.outstanding.copy()
        made.category_limits = self.category_limits.copy()
        made.channel_limits = self.channel_limits.copy()
        made.access = self.access.copy()
        made.touched = self.touched.copy()
        return made

    def knows(self, mark: bytes) -> bool:
        """Whether an event with this `event_mark` was taken before, among those that are remembered."""
        # Not `in`, which makes an exception first, to learn that it was not asked for a number.
        return self.recent.find(mark) >= 0

    def granted(self, purpose: Purpose, now_ms: int) -> frozenset[Source]:
        """The sources granted for a purpose at this instant and not called too personal."""
        by_source = self.grants.get(purpose)
        if not by_source:
            return _NO_SOURCES
        mistrusted = self.mistrusted
        if not mistrusted:
            sources, grant, until_ms = terms_of(by_source)
            if grant is not None:
                # Nearly always: one consent gave them all, and they stand or fall together.
                stands = grant.from_ms <= now_ms and (until_ms is None or now_ms < until_ms)
                return sources if stands else _NO_SOURCES
        return frozenset(
            _SOURCES[source]
            for source, grant in by_source.items()
            if grant.from_ms <= now_ms
            and (grant.until_ms is None or now_ms < grant.until_ms)
            and (not mistrusted or mistrusted.get(source, 0) <= now_ms)
        )

    def may(self, purpose: Purpose, source: Source, now_ms: int) -> bool:
        """Whether consent to use this source for this purpose stands at this instant."""
        grant = self.grants.get(purpose, {}).get(source)
        if grant is None:
            return False
        return grant.from_ms <= now_ms and (grant.until_ms is None or now_ms < grant.until_ms)
