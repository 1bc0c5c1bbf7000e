"""One resident: what is true of a customer, most of which the bank never sees."""

from dataclasses import dataclass, field
from random import Random

from schemas.base import DAY_MS
from scripts.town.personas import Pay, Persona

FATIGUE_HALF_LIFE_MS = 10 * DAY_MS
STRAINED = 0.6


@dataclass(slots=True)
class Bill:
    """A monthly payment; ``vary`` is the share by which the amount swings; ``last_month`` ends it (0: never)."""

    key: str
    merchant: str
    amount_minor: int
    day: int
    method: str = "direct_debit"
    mcc: str | None = None
    vary: float = 0.0
    count_left: int = -1


@dataclass(slots=True)
class Income:
    """Where the money comes from; ``day`` is of the month (31: the last) or of the week for weekly pay."""

    pay: Pay
    payer: str
    amount_minor: int
    day: int
    stopped: bool = False


@dataclass(slots=True)
class External:
    """An account at another bank."""

    account: str
    institution: str
    account_type: str
    balance_minor: int
    linked: bool = False


@dataclass(slots=True)
class Trip:
    """A journey, booked before it begins; airports by IATA code."""

    leaves_ms: int
    returns_ms: int
    destination: str
    country: str
    abroad: bool


@dataclass(slots=True)
class Resident:
    """A customer as they are.

    ``likes`` is the liking by category. ``satisfaction`` in 0..1 is what becomes of the relation to the
    bank. ``stress`` in 0..1 is trouble with money before the next payday, renewed daily.
    ``gained_minor`` and ``saved_minor`` are this month's extra worth to the customer and to the bank, and
    ``margin_minor`` the bank's monthly margin on what they held from the start.
    ``life`` is life event → when it happened. ``spend_scale`` turns usual amounts into their own.
    """

    id: str
    persona: Persona
    rng: Random
    birth_year: int
    country: str
    airport: str
    latitude: float
    longitude: float
    household: int
    employment: str
    income: Income
    bills: list[Bill]
    balances: dict[str, int]
    products: set[str]
    likes: dict[str, float]
    monthly_minor: int
    spend_scale: float
    shops: tuple[int, ...]
    external: list[External] = field(default_factory=list)
    grants: set[tuple[str, str]] = field(default_factory=set)
    features: set[str] = field(default_factory=set)
    life: dict[str, int] = field(default_factory=dict)
    trip: Trip | None = None
    friction_until_ms: int = 0
    careful_until_ms: int = 0
    fees_until_ms: int = 0
    satisfaction: float = 0.6
    stress: float = 0.0
    fatigue: float = 0.0
    fatigue_at_ms: int = 0
    owed_minor: int = 0
    gained_minor: int = 0
    saved_minor: int = 0
    margin_minor: int = 0
    gone: bool = False
    event_count: int = 0

    @property
    def account(self) -> str:
        """The current account, whose balance is that of daily life."""
        return f"{self.id}-cur"

    @property
    def savings(self) -> str:
        """The savings account, if one is held."""
        return f"{self.id}-sav"

    @property
    def balance_minor(self) -> int:
        """The booked balance of the current account."""
        return self.balances[self.account]

    @property
    def strained(self) -> bool:
        """Whether the trouble with money is felt."""
        return self.stress > STRAINED

    def chance(self, share: float) -> bool:
        """Whether something happens that happens in this share of cases."""
        return self.rng.random() < share

    def tiredness(self, now_ms: int) -> float:
        """How many recent contacts are still felt; halves in ten days."""
        age_ms = max(now_ms - self.fatigue_at_ms, 0)
        return float(self.fatigue * 0.5 ** (age_ms / FATIGUE_HALF_LIFE_MS))

    def contacted(self, now_ms: int) -> None:
        """One more contact."""
        self.fatigue = self.tiredness(now_ms) + 1.0
        self.fatigue_at_ms = now_ms

    def pleased(self, by: float) -> None:
        """Satisfaction moves, within 0..1; negative displeases."""
        self.satisfaction = min(max(self.satisfaction + by, 0.0), 1.0)

    def lately(self, event: str, now_ms: int, *, days: int = 60) -> float:
        """1 just after a life event, falling to 0 over so many days; 0 if it never happened."""
        at_ms = self.life.get(event)
        if at_ms is None or at_ms > now_ms:
            return 0.0
        return max(0.0, 1.0 - (now_ms - at_ms) / (days * DAY_MS))
