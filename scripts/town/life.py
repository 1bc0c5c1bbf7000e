"""What happens to people, and how it shows: in payments always, in a declaration sometimes.

Rates are a few times those of real life, so that an hour of the simulation has something to notice.
"""

from schemas.base import DAY_MS
from scripts.town import shops, talk
from scripts.town.money import Purchase, buy
from scripts.town.resident import Bill, Resident
from scripts.town.stage import Stage

DECLARED_SHARE = 0.35
EMPLOYED = frozenset({"monthly", "weekly"})


def new_job(stage: Stage, who: Resident, now_ms: int) -> bool:
    """Another payer, another amount."""
    income = who.income
    if income.pay not in EMPLOYED:
        return False
    income.payer = f"employer-{600 + who.rng.randrange(300)}"
    income.amount_minor = round(income.amount_minor * who.rng.uniform(1.02, 1.25))
    who.monthly_minor = income.amount_minor
    income.stopped = False
    del stage, now_ms
    return True


def job_loss(stage: Stage, who: Resident, now_ms: int) -> bool:
    """Pay stops; after some months a new job comes."""
    if who.income.pay not in EMPLOYED or who.income.stopped:
        return False
    who.income.stopped = True
    stage.plan(now_ms + round(who.rng.uniform(40, 120) * DAY_MS), who, happen, "new_job")
    if who.chance(0.5):
        stage.plan(now_ms + 3 * DAY_MS, who, talk.write, "money_trouble")
    return True


def moving(stage: Stage, who: Resident, now_ms: int) -> bool:
    """Removals, furniture, another landlord, and shops elsewhere."""
    _spend(stage, who, now_ms, shops.MOVING, over_days=25)
    for bill in who.bills:
        if bill.key.startswith("landlord-"):
            bill.key = f"landlord-{900 + who.rng.randrange(300)}"
            bill.amount_minor = round(bill.amount_minor * who.rng.uniform(1.0, 1.2))
    who.shops = tuple(who.rng.randrange(9) for _ in who.shops)
    if who.chance(0.5):
        stage.plan(now_ms + DAY_MS, who, talk.write, "moving_house")
    return True


def house_purchase(stage: Stage, who: Resident, now_ms: int) -> bool:
    """A home is found; the mortgage is still to be."""
    if "mortgage" in who.products or who.persona.name in {"student", "struggling", "retiree"}:
        return False
    if who.chance(0.7):
        stage.plan(now_ms + DAY_MS, who, talk.write, "mortgage_question")
    return True


def car(stage: Stage, who: Resident, now_ms: int) -> bool:
    """A down payment and a garage."""
    _spend(stage, who, now_ms, shops.CAR, over_days=10)
    return True


def baby(stage: Stage, who: Resident, now_ms: int) -> bool:
    """Small things for a small person, for months."""
    if who.persona.name in {"student", "retiree"}:
        return False
    who.household += 1
    for month in range(4):
        _spend(stage, who, now_ms + month * 30 * DAY_MS, shops.BABY, over_days=28)
    stage.tell(who, "profile.updated", household_size=min(who.household, 20))
    return True


def marriage(stage: Stage, who: Resident, now_ms: int) -> bool:
    """A party, and a second name at the door."""
    if who.persona.name == "student":
        return False
    who.household = max(who.household, 2)
    party = (("5812", "Garden Pavilion", 1400.0), ("5944", "Goldsmith", 620.0))
    _spend(stage, who, now_ms, party, over_days=20)
    return True


def university(stage: Stage, who: Resident, now_ms: int) -> bool:
    """Fees and books."""
    if who.persona.name not in {"student", "young_professional"}:
        return False
    study = (("8220", "City University", 460.0), ("5942", "Campus Books", 85.0))
    _spend(stage, who, now_ms, study, over_days=15)
    return True


def retirement(stage: Stage, who: Resident, now_ms: int) -> bool:
    """From salary to pension."""
    if who.birth_year > _year(now_ms) - 58 or who.income.pay not in EMPLOYED:
        return False
    who.income.pay, who.income.payer = "pension", "pension-fund"
    who.income.amount_minor = round(0.7 * who.income.amount_minor)
    who.employment = "retired"
    stage.tell(who, "profile.updated", employment="retired")
    return True


def bereavement(stage: Stage, who: Resident, now_ms: int) -> bool:
    """A loss; care is asked for."""
    _spend(stage, who, now_ms, (("7261", "Funeral services", 2200.0),), over_days=8)
    if who.chance(0.5):
        stage.tell(who, "vulnerability.flagged", driver="life_event")
    return True


HAPPENINGS = {
    "new_job": (new_job, 0.00045),
    "job_loss": (job_loss, 0.00025),
    "moving": (moving, 0.0006),
    "house_purchase": (house_purchase, 0.0004),
    "car": (car, 0.0004),
    "baby": (baby, 0.0004),
    "marriage": (marriage, 0.0003),
    "university": (university, 0.0003),
    "retirement": (retirement, 0.0003),
    "bereavement": (bereavement, 0.0001),
}
"""What can happen, and how likely on any one day."""
CHANCE_DAY = sum(chance for _, chance in HAPPENINGS.values())


def perhaps(stage: Stage, who: Resident, now_ms: int) -> None:
    """Roll the day's dice."""
    u = who.rng.random()
    if u >= CHANCE_DAY:
        return
    for name, (_, chance) in HAPPENINGS.items():
        u -= chance
        if u < 0:
            happen(stage, who, now_ms, name)
            return


def happen(stage: Stage, who: Resident, now_ms: int, name: str) -> None:
    """Let it happen, if it can happen to this person; some tell the bank."""
    act, _ = HAPPENINGS[name]
    if not act(stage, who, now_ms):
        return
    who.life[name] = now_ms
    if who.chance(DECLARED_SHARE):
        stage.plan(now_ms + round(who.rng.uniform(0, 10) * DAY_MS), who, declare, name)


def declare(stage: Stage, who: Resident, now_ms: int, name: str) -> None:
    """Tell the bank."""
    del now_ms
    stage.tell(who, "life.declared", event=name)


def _spend(
    stage: Stage,
    who: Resident,
    now_ms: int,
    wares: tuple[tuple[str, str, float], ...],
    *,
    over_days: float,
) -> None:
    scale = min(max(who.spend_scale, 0.35), 2.5)
    for mcc, merchant, mean_eur in wares:
        amount = round(mean_eur * 100 * scale * who.rng.uniform(0.7, 1.3))
        at_ms = now_ms + round(who.rng.uniform(0.3, over_days) * DAY_MS)
        stage.plan(at_ms, who, buy, Purchase(merchant, mcc, amount, who.country, essential=True))
        if amount > 0.12 * who.monthly_minor:
            who.life["large"] = at_ms


def subscribe(stage: Stage, who: Resident, now_ms: int) -> None:
    """A new subscription, or a dearer one."""
    del stage
    mcc, name, amount_eur = who.rng.choice(shops.SUBSCRIPTIONS)
    key = name.lower().replace(" ", "-")
    for bill in who.bills:
        if bill.key == key:
            bill.amount_minor = round(bill.amount_minor * 1.18)
            who.life["price_up"] = now_ms
            return
    day = who.rng.randint(1, 28)
    who.bills.append(Bill(key, name, round(amount_eur * 100), day, "card", mcc))


def _year(now_ms: int) -> int:
    return 1970 + int(now_ms / (365.25 * DAY_MS))
