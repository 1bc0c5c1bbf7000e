"""Does it help? Uplift against the holdout and against the control, readable at any time.

In: impact records (`operators.impact` describes them), in any order. Out: a report.

The customer is the unit, as it was the unit of assignment: value is money per customer in the first days
after their first decision, taken up is completed per customer, silences and all, and acceptance is completed
per said with its variance over customers. Acceptance flatters who says little and blames who has said the
best already; taken up per customer does neither. The intervals are confidence sequences: looking every minute and stopping when it pleases keeps their promise.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import log, sqrt
from typing import Any

from schemas.base import DAY_MS
from schemas.decisions import SILENCE

ARMS: tuple[str, ...] = ("treatment", "control", "holdout")
GROUP_OF_ARM: dict[str, str] = {"exploit": "treatment", "explore": "treatment"}
"""Choices that name how they came about belong to the treatment; the other arms are named as they are."""
COMPARED: tuple[tuple[str, str], ...] = (("treatment", "holdout"), ("treatment", "control"))
COUNT_MIN = 20
"""Customers that each side needs before an interval is given: the theory is asymptotic."""


@dataclass(slots=True, frozen=True)
class Interval:
    """A difference with its confidence sequence at this moment; None where too few were seen."""

    estimate: float | None
    low: float | None
    high: float | None
    alpha: float

    @property
    def decided(self) -> bool:
        """Whether zero is excluded."""
        return self.low is not None and self.high is not None and not self.low <= 0.0 <= self.high


@dataclass(slots=True)
class Moments:
    """Running sums of x, y, x², x·y, y² over customers, where a customer's pair may be replaced."""

    count: int = 0
    x: float = 0.0
    y: float = 0.0
    xx: float = 0.0
    xy: float = 0.0
    yy: float = 0.0

    def add(self, x: float, y: float, *, sign: int = 1) -> None:
        """Add a pair, or with ``sign`` −1 take one out."""
        self.count += sign
        self.x += sign * x
        self.y += sign * y
        self.xx += sign * x * x
        self.xy += sign * x * y
        self.yy += sign * y * y

    def ratio(self) -> tuple[float, float] | None:
        """Σx / Σy and the variance of that estimate over customers; None with too few of them.

        With y = 1 for everyone it's the mean, and the variance of the mean.

        Source: Cochran 1977, Sampling Techniques, 6.3 (the ratio estimator, linearised).
        """
        if self.count < COUNT_MIN or self.y <= 0:
            return None
        rate = self.x / self.y
        residual = max(self.xx - 2 * rate * self.xy + rate * rate * self.yy, 0.0)
        return rate, residual * self.count / (self.count - 1) / self.y**2


@dataclass(slots=True)
class _Person:
    """What is known of one customer; ``values`` are (instant, cents to the customer, cents to the bank)."""

    arm: str = ""
    first_ms: int = 0
    values: list[tuple[int, int, int]] = field(default_factory=list)
    said: int = 0
    completed: int = 0


class Uplift:
    """The streaming estimate; its state is the log of impact records, read from the beginning.

    Source: Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas 2024, "Time-uniform central limit theory and
    asymptotic confidence sequences", theorem 2.2; the difference as an average treatment effect under
    known assignment, section 3.
    """

    def __init__(
        self,
        *,
        alpha: float = 0.05,
        horizon_days: int = 28,
        tight_at: int = 2000,
        currency: str = "EUR",
    ) -> None:
        """Choose the promise.

        Args:
            alpha: The chance that an interval ever misses the truth.
            horizon_days: Money counts from a customer's first decision for so many days.
            tight_at: The number of customers at which the interval is relatively tightest.
            currency: Money in others is counted, but not added up.
        """
        self._alpha = alpha
        self._horizon_ms = horizon_days * DAY_MS
        self._tight_at = tight_at
        self._currency = currency
        self._people: dict[str, _Person] = {}
        self._decisions: dict[str, str] = {}
        self._counts: dict[str, int] = {}
        self._silences: dict[str, int] = dict.fromkeys(ARMS, 0)
        self._acceptance = {arm: Moments() for arm in ARMS}
        self._now_ms = 0

    def take(self, record: Mapping[str, Any]) -> None:
        """Take one impact record; a kind that it doesn't know is only counted."""
        kind = str(record.get("type", ""))
        self._counts[kind] = self._counts.get(kind, 0) + 1
        self._now_ms = max(self._now_ms, int(record.get("at_ms", 0)))
        if kind == "decision":
            self._decision(record)
        elif kind == "feedback":
            self._feedback(record)
        elif kind == "value":
            self._value(record)
        elif kind == "erasure":
            self._erase(str(record["customer"]))

    def report(self) -> dict[str, Any]:
        """Everything so far, as a record for the topic ``impact``.

        Returns:
            ``value_eur`` per arm and differences in EUR per customer, from customers whose horizon has
            passed, and of it what is the customer's and what the bank's; ``taken_up`` per arm and differences in completions per customer so far;
            ``acceptance`` per arm and differences as shares of what was said; counts.
        """
        value, theirs, ours = ({arm: Moments() for arm in ARMS} for _ in range(3))
        taken = {arm: Moments() for arm in ARMS}
        for person in self._people.values():
            if person.arm in taken:
                taken[person.arm].add(person.completed, 1.0)
            if person.arm in value and self._now_ms >= person.first_ms + self._horizon_ms:
                customer, bank = self._realised(person)
                value[person.arm].add((customer + bank) / 100.0, 1.0)
                theirs[person.arm].add(customer / 100.0, 1.0)
                ours[person.arm].add(bank / 100.0, 1.0)
        return {
            "type": "uplift",
            "at_ms": self._now_ms,
            "alpha": self._alpha,
            "horizon_days": self._horizon_ms // DAY_MS,
            "customers": {
                arm: sum(1 for p in self._people.values() if p.arm == arm) for arm in ARMS
            },
            "matured": {arm: moments.count for arm, moments in value.items()},
            "value_eur": {arm: _mean(moments) for arm, moments in value.items()},
            "value_uplift_eur": self._differences(value, COMPARED),
            "customer_value_eur": {arm: _mean(moments) for arm, moments in theirs.items()},
            "customer_value_uplift_eur": self._differences(theirs, COMPARED),
            "bank_value_eur": {arm: _mean(moments) for arm, moments in ours.items()},
            "bank_value_uplift_eur": self._differences(ours, COMPARED),
            "taken_up": {arm: _mean(moments) for arm, moments in taken.items()},
            "taken_up_uplift": self._differences(taken, (("treatment", "control"),)),
            "acceptance": {arm: _mean(moments) for arm, moments in self._acceptance.items()},
            "acceptance_uplift": self._differences(self._acceptance, (("treatment", "control"),)),
            "silences": dict(self._silences),
            "counts": dict(sorted(self._counts.items())),
        }

    def _decision(self, record: Mapping[str, Any]) -> None:
        arm = str(record["arm"])
        arm = GROUP_OF_ARM.get(arm, arm)
        decision_id = str(record["decision_id"])
        if arm not in ARMS or decision_id in self._decisions:
            return
        person = self._person(record)
        at_ms = int(record["at_ms"])
        if not person.arm:
            person.arm, person.first_ms = arm, at_ms
        person.first_ms = min(person.first_ms, at_ms)
        if record["action"] == SILENCE:
            self._silences[arm] += 1
            return
        self._decisions[decision_id] = ""
        self._count(person, said=1)

    def _feedback(self, record: Mapping[str, Any]) -> None:
        decision_id = record.get("decision_id")
        if record.get("outcome") != "completed" or not record.get("counted") or decision_id is None:
            return
        if self._decisions.get(decision_id) == "":
            self._decisions[decision_id] = "completed"
            self._count(self._person(record), completed=1)

    def _value(self, record: Mapping[str, Any]) -> None:
        if record["currency"] != self._currency:
            return
        minor = int(record["value_customer_minor"]), int(record["value_bank_minor"])
        self._person(record).values.append((int(record["at_ms"]), *minor))

    def _erase(self, customer: str) -> None:
        """Forget a customer; what they added to acceptance goes with them."""
        person = self._people.pop(customer, None)
        if person is not None and person.said and person.arm in self._acceptance:
            self._acceptance[person.arm].add(person.completed, person.said, sign=-1)

    def _person(self, record: Mapping[str, Any]) -> _Person:
        return self._people.setdefault(str(record["customer"]), _Person())

    def _count(self, person: _Person, *, said: int = 0, completed: int = 0) -> None:
        moments = self._acceptance.get(person.arm)
        if moments is None:
            return
        if person.said:
            moments.add(person.completed, person.said, sign=-1)
        person.said += said
        person.completed += completed
        moments.add(person.completed, person.said)

    def _realised(self, person: _Person) -> tuple[int, int]:
        """Cents to the customer and to the bank within the horizon."""
        end_ms = person.first_ms + self._horizon_ms
        within = [v for v in person.values if person.first_ms <= v[0] < end_ms]
        return sum(v[1] for v in within), sum(v[2] for v in within)

    def _differences(
        self, moments: Mapping[str, Moments], pairs: Iterable[tuple[str, str]]
    ) -> dict[str, dict[str, float | bool | None]]:
        differences: dict[str, dict[str, float | bool | None]] = {}
        for one, other in pairs:
            interval = difference(
                moments[one], moments[other], alpha=self._alpha, tight_at=self._tight_at
            )
            differences[f"{one}_minus_{other}"] = {
                "estimate": interval.estimate,
                "low": interval.low,
                "high": interval.high,
                "decided": interval.decided,
            }
        return differences


def difference(one: Moments, other: Moments, *, alpha: float, tight_at: int) -> Interval:
    """The difference of two arms' ratios with its confidence sequence.

    Args:
        one: The arm in question.
        other: The arm that it is compared with.
        alpha: The chance that the sequence ever misses.
        tight_at: The number of customers at which it is relatively tightest.

    Returns:
        The interval now; it holds at all times together with probability 1 − alpha, asymptotically.

    Source: Waudby-Smith et al. 2024, theorem 2.2, with rho tuned to one sample size.
    """
    first, second = one.ratio(), other.ratio()
    if first is None or second is None:
        return Interval(None, None, None, alpha)
    estimate = first[0] - second[0]
    count = one.count + other.count
    rho2 = (-2 * log(alpha) + log(-2 * log(alpha) + 1)) / tight_at
    scale = count * rho2 + 1
    # The variance of the estimate is sigma²/t, so the usual factor sigma/√t is its root.
    half = sqrt((first[1] + second[1]) * 2 * scale / (count * rho2) * log(sqrt(scale) / alpha))
    return Interval(estimate, estimate - half, estimate + half, alpha)


def _mean(moments: Moments) -> float | None:
    return moments.x / moments.y if moments.y > 0 else None
