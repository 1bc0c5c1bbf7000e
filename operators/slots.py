"""Every memory of a customer record: whose it is, when it lapses, when it is erased.

Stage: 2 of 8, beside the fold. In: customer copy. Out: the copy without what is no longer to be known.
"""

from operators import ledger
from operators.contracts import TTL_DAYS, Slot
from operators.features import FEATURES
from operators.forecasting import questions
from operators.insights import INSIGHTS, cap
from operators.triggers import TRIGGERS
from schemas.base import DAY_MS, Source
from schemas.customer import Customer

SLOTS: dict[str, Slot] = {
    slot.name: slot
    for slot in (
        *(group.slot for group in FEATURES),
        *(t.slot for t in (*TRIGGERS, *INSIGHTS) if t.slot is not None),
        cap.SLOT,
        questions.SLOT,
        *ledger.SLOTS,
    )
}
"""Every slot by its name."""
_TTL_DAYS_MIN = min(TTL_DAYS, *(slot.ttl_days for slot in SLOTS.values()))
SOURCE_OF_SLOT: dict[str, Source] = {name: slot.source for name, slot in SLOTS.items()}


def lapse(me: Customer, *, now_ms: int) -> None:
    """Forget memories of a customer copy that nothing was written to for as long as their slots say."""
    today = now_ms // DAY_MS
    if today - min(me.touched.values(), default=today) <= _TTL_DAYS_MIN:
        return
    for name, day in list(me.touched.items()):
        slot = SLOTS.get(name)
        if today - day > (TTL_DAYS if slot is None else slot.ttl_days):
            me.slots.pop(name, None)
            del me.touched[name]


def touch(me: Customer, before: Customer) -> None:
    """Note the day for each memory of a customer copy that another took the place of."""
    today = me.latest_ms // DAY_MS
    touched, known = me.touched, before.slots.get
    for name, memory in me.slots.items():
        if memory is not known(name) or name not in touched:
            touched[name] = today
    if len(touched) > len(me.slots):
        for name in touched.keys() - me.slots.keys():
            del touched[name]


def erase(me: Customer, sources: frozenset[Source]) -> None:
    """Erase from a customer copy what was derived from sources that no consent covers any more."""
    if not sources:
        return
    for name in [n for n in me.slots if SOURCE_OF_SLOT.get(n) in sources]:
        del me.slots[name]
    for name in [
        n for n, live in me.signals.items() if not sources.isdisjoint(map(Source, live.sources))
    ]:
        del me.signals[name]
