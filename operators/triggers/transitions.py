"""Changes of life that payments show: a new job, a move. Only ever a question to the customer.

Stage: 3 of 8. In: transaction.booked, clock.ticked. Out: life.new_job, life.moving (detected).

Each kind of evidence adds its weight to log-odds and fades with the event's half-life; nothing fires on
one kind alone. What touches health, family or the loss of a job is never inferred (GDPR article 9).
Source: two stages, change evidence then classification, as in US20210027302; weights are priors.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from operators.contracts import Moment, Slot
from operators.features.decay import halved
from operators.features.money import flow_of
from operators.features.payday import PAYMENTS_MIN, TWICE, Payer
from operators.features.recurring import first_of, streams_of
from operators.features.streams import Stream
from schemas.base import DAY_MS, Source
from schemas.customer import Memory
from schemas.events import TransactionBooked
from schemas.signals import Signal

PRIOR: Final = -2.5
FIRE_AT: Final = 1.386
"""Log-odds of four to one."""
KINDS_MIN: Final = 2
ENDED_DAYS_MAX: Final = 120
REST_DAYS: Final = 180
DENIED_DAYS: Final = 365
HALF_LIFE_DAYS = {"new_job": 60, "moving": 90}
WORDS = {
    "new_job": "It looks as if you may have started a new job. Is that right?",
    "moving": "It looks as if you may be moving home. Is that right?",
}
MOVERS = frozenset({"4214", "4225"})
FURNISHING = frozenset(
    {"5200", "5211", "5231", "5251", "5712", "5713", "5714", "5718", "5719", "5722"}
)
TELLING = frozenset({"housing", "utilities", "insurance", "home"})
Evidence = dict[str, tuple[float, int]]
"""Kind → (weight, day)."""


class Transitions:
    """A new job by who pays; a move by who is paid. Never without two kinds of evidence.

    Memory: ``seen`` kind → day of purchases that go with a move, ``said`` event → instant.
    """

    name: str = "transitions"
    kinds: frozenset[str] = frozenset({"transaction.booked", "clock.ticked"})
    needs: tuple[str, ...] = ("slot:cash", "slot:recurring", "slot:life")
    emits: tuple[str, ...] = ("life.new_job", "life.moving")
    slot: Slot | None = Slot("transitions", Source.TRANSACTIONS, dict)

    def sense(self, memory: Memory, moment: Moment) -> tuple[Memory, Sequence[Signal]]:
        """Weigh the evidence; a question that was answered isn't asked again for long."""
        cash, recurring = moment.memories.get("cash"), moment.memories.get("recurring")
        if not cash or not recurring:
            return memory, ()
        memory = _noted(memory, moment)
        if not _telling(moment):
            return memory, ()
        today = moment.now_ms // DAY_MS
        found = {
            "new_job": new_job_evidence(cash, today=today),
            "moving": moving_evidence(recurring, memory.get("seen", {}), today=today),
        }
        said = dict(memory.get("said", {}))
        signals = []
        for event, evidence in found.items():
            half_life = HALF_LIFE_DAYS[event]
            odds = PRIOR + sum(w * halved(today - day, half_life) for w, day in evidence.values())
            if len(evidence) < KINDS_MIN or odds < FIRE_AT or _answered(event, said, moment):
                continue
            said[event] = moment.now_ms
            signals.append(_signal(event, evidence, odds))
        return ({**memory, "said": said} if signals else memory), signals


def new_job_evidence(cash: Mapping[str, Any], *, today: int) -> Evidence:
    """Pay from A has stopped; something like pay from B began about then."""
    payers = {party: Payer(*kept) for party, kept in cash.get("pay", {}).items()}
    ended = [
        (party, payer)
        for party, payer in payers.items()
        if payer.hits >= PAYMENTS_MIN
        and payer.regular
        and payer.late_after < today <= payer.last + ENDED_DAYS_MAX
    ]
    for old_party, old in sorted(ended, key=lambda pair: -pair[1].monthly_amount):
        for party, new in sorted(payers.items(), key=lambda pair: -pair[1].first):
            began = old.last - 20 <= new.first <= old.due + 45
            alike = 0.5 * old.amount <= new.amount <= 4 * old.amount
            if party == old_party or not began or not alike or new.last <= old.last:
                continue
            sure = new.named or (new.hits >= TWICE and new.regular)
            evidence = {
                "pay_ended": (1.5, old.late_after),
                "pay_began": (3.0 if sure else 2.0, new.last),
            }
            if abs(new.amount - old.amount) >= 0.05 * old.amount:
                evidence["pay_changed"] = (1.0, new.last)
            return evidence
    return {}


def moving_evidence(recurring: Memory, seen: Mapping[str, int], *, today: int) -> Evidence:
    """The rent goes to someone else; suppliers were replaced; movers and furniture were paid."""
    evidence: Evidence = {kind: (1.5, day) for kind, day in seen.items()}
    streams = streams_of(recurring)
    out = {key: stream for key, stream in streams.items() if stream.amount < 0}
    housing = [stream for stream in out.values() if stream.category == "housing"]
    born = _replacement(housing, today)
    if born is not None:
        evidence["rent_replaced"] = (3.0, born)
    supplied = [s for s in out.values() if s.category in ("utilities", "insurance")]
    ended = sum(1 for s in supplied if s.hits >= TWICE and _overdue(s, today))
    begun = [s.first for s in supplied if s.first >= max(today - 60, first_of(recurring) + 60)]
    if ended >= TWICE and len(begun) >= TWICE:
        evidence["suppliers_replaced"] = (2.0, max(begun))
    return evidence


def _telling(moment: Moment) -> bool:
    """Whether the event can change the evidence: money in, a bill of the home, a purchase for it."""
    event = moment.event
    if not isinstance(event, TransactionBooked) or event.amount_minor > 0:
        return True
    return flow_of(event).category in TELLING


def _noted(memory: Memory, moment: Moment) -> Memory:
    event = moment.event
    if not isinstance(event, TransactionBooked) or event.amount_minor >= 0 or event.mcc is None:
        return memory
    kind = "movers" if event.mcc in MOVERS else "furnishing" if event.mcc in FURNISHING else None
    if kind is None:
        return memory
    seen = memory.get("seen", {})
    return {**memory, "seen": {**seen, kind: max(event.at_ms // DAY_MS, seen.get(kind, 0))}}


def _overdue(stream: Stream, today: int) -> bool:
    return today > stream.due + stream.grace_days and today - stream.last <= ENDED_DAYS_MAX


def _replacement(housing: Sequence[Stream], today: int) -> int | None:
    """The day on which a new payee took over the role of one that is overdue."""
    for old in housing:
        if old.hits < PAYMENTS_MIN or not _overdue(old, today):
            continue
        for new in housing:
            if new is not old and old.last < new.first <= old.last + 45 + old.gap:
                return new.first
    return None


def _answered(event: str, said: Mapping[str, int], moment: Moment) -> bool:
    """Whether it was asked, told or denied not long ago."""
    now_ms = moment.now_ms
    if event in said and now_ms - said[event] < REST_DAYS * DAY_MS:
        return True
    told = (moment.memories.get("life") or {}).get(event)
    if told is None:
        return False
    stated_ms, denied_ms = told
    return bool(
        (stated_ms and now_ms - stated_ms < REST_DAYS * DAY_MS)
        or (denied_ms and now_ms - denied_ms < DENIED_DAYS * DAY_MS)
    )


def _signal(event: str, evidence: Evidence, odds: float) -> Signal:
    return Signal(
        name=f"life.{event}",
        strength=round(min(0.95, 0.5 + odds / 6), 3),
        sources=(Source.TRANSACTIONS,),
        words=WORDS[event],
        evidence={"detected": True, "kinds": sorted(evidence), "log_odds": round(odds, 3)},
        hold_ms=30 * DAY_MS,
        insight=True,
    )
