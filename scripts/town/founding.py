"""How a resident comes to be: a person drawn from a persona, with holdings, bills and agreements."""

from functools import lru_cache
from hashlib import sha256
from random import Random

import airportsdata

from schemas.base import DATA_SOURCES, DAY_MS, Purpose, Source, stamp
from scripts.town.personas import (
    CATEGORIES,
    LEANING_CATEGORY,
    LEANING_SHARE,
    LEANINGS,
    PERSONAS,
    Persona,
)
from scripts.town.resident import Bill, External, Income, Resident
from scripts.town.shops import SPEND_WEEK_EUR, SUBSCRIPTIONS, TRADES, UTILITIES
from scripts.town.stage import Stage

HOMES: tuple[tuple[str, str], ...] = (
    ("IE", "DUB"), ("DE", "BER"), ("NL", "AMS"), ("ES", "MAD"), ("FR", "CDG"), ("AT", "VIE"),
)  # fmt: skip
COUPLE = 2
REFUSING_SHARE = 0.06
OTHER_BANKS = ("bank-north", "bank-harbour", "bank-linden")
FEATURES_AT_START = ("card_freeze", "spending_insights", "savings_pots", "statement_export")
NOTICE = {
    "uri": "https://bank.example/notices/personalisation",
    "version": "3",
    "hash": sha256(b"How we use your data, version 3").hexdigest(),
    "language": "en",
}


@lru_cache(maxsize=1)
def airports() -> dict[str, "airportsdata.Airport"]:
    """Every airport by IATA code."""
    return airportsdata.load("IATA")


def found(seed: str, index: int, *, year: int) -> Resident:
    """Draw one resident; the same seed and index give the same person."""
    rng = Random(f"{seed}/{index}")
    persona = _pick(rng)
    income_minor = round(100 * rng.triangular(*persona.income_eur))
    country, airport = rng.choice(HOMES)
    place = airports()[airport]
    who = Resident(
        id=f"c{index:05d}",
        persona=persona,
        rng=rng,
        birth_year=year - rng.randint(*persona.ages),
        country=country,
        airport=airport,
        latitude=place["lat"] + rng.uniform(0.06, 0.15) * rng.choice((-1, 1)),
        longitude=place["lon"] + rng.uniform(0.09, 0.2) * rng.choice((-1, 1)),
        household=rng.randint(*persona.household),
        employment=persona.employment,
        income=_income(persona, rng, income_minor),
        bills=[],
        balances={},
        products={"current_account"},
        likes={c: persona.likes.get(c, 0.0) + 0.4 * rng.gauss(0, 1) for c in CATEGORIES},
        monthly_minor=income_minor,
        spend_scale=1.0,
        shops=tuple(rng.randrange(len(trade.merchants)) for trade in TRADES),
    )
    who.balances[who.account] = round(income_minor * rng.uniform(*persona.buffer_months))
    _holdings(who)
    _bills(who)
    _externals(who)
    who.features = {f for f in FEATURES_AT_START if rng.random() < 0.3 * persona.sessions_day}
    fixed = sum(bill.amount_minor for bill in who.bills)
    put_by_minor = max(
        persona.saving_rate * income_minor * (0.4 if who.savings in who.balances else 1), 0
    )
    overspent = rng.uniform(0.96, 1.12) - min(persona.saving_rate, 0.0)
    living_minor = max(income_minor - fixed - put_by_minor, 0.2 * income_minor) * overspent
    who.spend_scale = living_minor / 100 / 4.348 / SPEND_WEEK_EUR
    who.satisfaction = min(max(0.6 + 0.08 * rng.gauss(0, 1), 0.2), 0.95)
    return who


def _pick(rng: Random) -> Persona:
    u = rng.random()
    for persona in PERSONAS:
        u -= persona.share
        if u < 0:
            return persona
    return PERSONAS[-1]


def _income(persona: Persona, rng: Random, amount_minor: int) -> Income:
    payer = {
        "monthly": f"employer-{rng.randrange(400)}",
        "weekly": f"employer-{400 + rng.randrange(200)}",
        "gigs": f"client-{rng.randrange(900)}",
        "pension": "pension-fund",
        "allowance": "student-grant",
    }[persona.pay]
    day = rng.choice((3, 4)) if persona.pay == "weekly" else rng.choice((1, 15, 25, 25, 27, 31))
    return Income(persona.pay, payer, amount_minor, day)


def _holdings(who: Resident) -> None:
    """Products by persona and by hidden leanings, which are felt in the likings as well."""
    rng = who.rng
    chances = dict(who.persona.holds)
    for leaning, products in LEANINGS.items():
        if rng.random() < LEANING_SHARE:
            who.likes[LEANING_CATEGORY[leaning]] += 0.6
            for product, chance in products.items():
                chances[product] = chances.get(product, 0.05) + chance
    who.products |= {product for product, chance in chances.items() if rng.random() < chance}
    if who.household > COUPLE and who.chance(0.3):
        who.products.add("junior_account")


def _bills(who: Resident) -> None:
    rng, income_minor = who.rng, who.monthly_minor
    housing_minor = round(income_minor * who.persona.rent_share * rng.uniform(0.8, 1.15))
    if "mortgage" in who.products:
        who.bills.append(Bill("mortgage-bank", "Mortgage payment", housing_minor, 5))
    else:
        key = f"landlord-{rng.randrange(900)}"
        who.bills.append(Bill(key, "Rent", housing_minor, rng.choice((1, 1, 3)), "standing_order"))
    for mcc, name, amount_eur, vary in UTILITIES:
        day = rng.choice((2, 8, 10, 15, 20))
        key = name.lower().replace(" ", "-")
        who.bills.append(Bill(key, name, round(amount_eur * 100), day, mcc=mcc, vary=vary))
    for mcc, name, amount_eur in SUBSCRIPTIONS:
        if who.chance(0.35):
            day = rng.randint(1, 28)
            who.bills.append(
                Bill(
                    name.lower().replace(" ", "-"), name, round(amount_eur * 100), day, "card", mcc
                )
            )
    for product, merchant, share in (
        ("personal_loan", "Loan repayment", 0.07),
        ("car_loan", "Car loan repayment", 0.08),
        ("credit_card", "Credit card bill", 0.05),
        ("home_insurance", "Home insurance premium", 0.008),
        ("car_insurance", "Car insurance premium", 0.015),
        ("life_insurance", "Life insurance premium", 0.01),
        ("index_fund", "Index fund plan", 0.05),
        ("pension", "Pension plan", 0.05),
    ):
        if product in who.products:
            amount_minor = round(income_minor * share)
            who.bills.append(
                Bill(f"bank-{product}", merchant, amount_minor, rng.choice((2, 6, 12)))
            )
    if not who.products.isdisjoint({"savings_account", "instant_saver"}):
        who.balances[who.savings] = round(income_minor * rng.uniform(0.3, 6.0))
        amount_minor = round(income_minor * max(who.persona.saving_rate, 0.02) * 0.6)
        who.bills.append(Bill("own-savings", "Savings", amount_minor, 28, "standing_order"))


def _externals(who: Resident) -> None:
    rng = who.rng
    if who.chance(0.45):
        kind = rng.choice(("savings", "savings", "current", "card"))
        months = {"savings": rng.uniform(0.5, 14), "current": rng.uniform(0.1, 2), "card": -0.5}[
            kind
        ]
        if who.persona.name in {"struggling", "student"}:
            months *= 0.2
        who.external.append(
            External(
                f"{who.id}-ext", rng.choice(OTHER_BANKS), kind, round(who.monthly_minor * months)
            )
        )


def agree(stage: Stage, who: Resident, purpose: str, sources: list[str]) -> None:
    """Grant a purpose the use of some sources; open banking runs out after 90 days, as the law has it."""
    lasting = [source for source in sources if source != Source.OPEN_BANKING]
    for group, until_ms in (
        (lasting, None),
        ([s for s in sources if s not in lasting], stage.now_ms + 90 * DAY_MS),
    ):
        if not group:
            continue
        who.grants.update((purpose, source) for source in group)
        fields = {} if until_ms is None else {"valid_until": stamp(until_ms)}
        stage.tell(
            who,
            "consent.granted",
            record_id=f"{who.id}-r{who.event_count + 1}",
            purpose=purpose,
            sources=group,
            notice=NOTICE,
            **fields,
        )


def settle_in(stage: Stage, who: Resident, now_ms: int, _: None) -> None:
    """The first events of a resident: who they are, what they hold, what they agree to."""
    del now_ms
    stage.tell(
        who,
        "profile.updated",
        birth_year=who.birth_year,
        country=who.country,
        employment=who.employment,
        household_size=who.household,
    )
    for product in sorted(who.products):
        stage.tell(who, "product.opened", product=product)
    _first_agreements(stage, who)
    if who.chance(0.06):
        stage.tell(
            who,
            "preference.changed",
            channel="push",
            enabled=True,
            quiet_from_hour=21,
            quiet_to_hour=7,
        )
    for account in who.external:
        if ("financial_wellbeing", "open_banking") in who.grants:
            account.linked = True
            same = {"account": account.account, "institution": account.institution}
            stage.tell(who, "openbanking.account_linked", account_type=account.account_type, **same)


def _first_agreements(stage: Stage, who: Resident) -> None:
    """From everything to nothing: all, all but a few sources, own choice, help with money only, none."""
    rng = who.rng
    openness = min(max(who.persona.open_share + 0.15 * rng.gauss(0, 1), 0.05), 1.0)
    everything = [source.value for source in DATA_SOURCES]
    u = rng.random()
    if u < 0.6 * openness:
        chosen = {purpose.value: everything for purpose in Purpose}
    elif u < 0.6 * openness + 0.22:
        left_out = set(rng.sample(["location", "messages", "open_banking", "life_events"], 2))
        some = [source for source in everything if source not in left_out]
        chosen = {purpose.value: some for purpose in Purpose}
    elif u < 0.6 * openness + 0.32:
        chosen = {Purpose.FINANCIAL_WELLBEING.value: ["transactions", "profile"]}
    elif u < 1 - REFUSING_SHARE:
        chosen = {}
        for purpose in Purpose:
            some = [source for source in everything if rng.random() < openness]
            if some and who.chance(0.75):
                chosen[purpose.value] = some
    else:
        chosen = {}
    for purpose_name, sources in chosen.items():
        agree(stage, who, purpose_name, list(sources))
