"""What taking something up changes in the world: holdings, money, habits, value; and value month by month."""

from collections.abc import Mapping
from typing import Any

from schemas.base import DAY_MS
from scripts.town import money
from scripts.town.founding import agree
from scripts.town.needs import need
from scripts.town.resident import Bill, Resident
from scripts.town.stage import Stage

CAREFUL_DAYS = 45
PRODUCT_VALUE_MINOR: dict[str, tuple[int, int]] = {
    "instant_saver": (4_500, 2_200),
    "savings_account": (9_000, 4_500),
    "credit_card": (2_000, 12_000),
    "gold_card": (5_000, 11_000),
    "travel_card": (5_500, 1_400),
    "personal_loan": (3_000, 45_000),
    "car_loan": (4_000, 50_000),
    "mortgage": (60_000, 550_000),
    "overdraft": (2_000, 6_000),
    "home_insurance": (7_000, 5_000),
    "travel_insurance": (6_000, 1_800),
    "life_insurance": (12_000, 9_000),
    "car_insurance": (6_000, 5_500),
    "pension": (30_000, 14_000),
    "index_fund": (14_000, 6_000),
    "stocks_account": (6_000, 9_000),
    "fx_account": (3_500, 1_600),
}
"""Present value of a product to customer and bank for somebody with a middling need; minor units of EUR."""
OTHER_VALUE_MINOR = (2_500, 2_000)
BASE_VALUE_MINOR = (900, 1_400)
"""The value of a month of an ordinary relation to customer and bank."""
MONTHS_OF_A_PRODUCT = 40
PRODUCT_MONTH_MINOR_MAX = 900
FEATURE_MONTH_MINOR = (300, 60)
LOAN_MONTHS = 24
LEAVES_BELOW = 0.12


def take_up(
    stage: Stage, who: Resident, told: Mapping[str, Any], *, now_ms: int
) -> tuple[int, int] | None:
    """Do what was said.

    Returns:
        What a product taken up is worth to customer and bank, minor units, to be reported as realised by
        this decision; None where the worth shows in the months that follow.
    """
    felt = need(who, told, now_ms=now_ms)
    product, feature, asks = told.get("product"), told.get("feature"), told.get("asks")
    if asks:
        agree(stage, who, str(asks["purpose"]), [str(asks["source"])])
        who.pleased(0.01)
    elif told.get("kind") == "intervention":
        who.careful_until_ms = now_ms + CAREFUL_DAYS * DAY_MS
        who.gained_minor += round(400 + 2_600 * felt)
        who.pleased(0.05 + 0.05 * felt)
        if who.strained:
            _relieve(stage, who)
    elif feature:
        who.features.add(str(feature))
        stage.tell(who, "app.feature_used", feature=str(feature))
        who.pleased(0.03)
        who.gained_minor += FEATURE_MONTH_MINOR[0]
        who.saved_minor += FEATURE_MONTH_MINOR[1]
    elif product:
        _take_product(stage, who, str(product))
        who.pleased(0.01 + 0.04 * felt)
        customer_minor, bank_minor = PRODUCT_VALUE_MINOR.get(str(product), OTHER_VALUE_MINOR)
        return round(customer_minor * (0.4 + 1.2 * felt)), round(bank_minor * (0.7 + 0.6 * felt))
    else:
        who.pleased(0.02)
        who.gained_minor += OTHER_VALUE_MINOR[0]
    return None


def _relieve(stage: Stage, who: Resident) -> None:
    """Bring what one has elsewhere to where it is short; else the next weeks' careful spending must do."""
    short = round(0.2 * who.monthly_minor)
    kept = who.balances.get(who.savings, 0)
    if kept >= short:
        money.move(
            stage, who, -short, method="transfer", account=who.savings, counterparty="own-current",
            reference="Transfer from savings",
        )  # fmt: skip
        money.move(
            stage, who, short, method="transfer", counterparty="own-savings",
            reference="Transfer from savings",
        )  # fmt: skip
        return
    for account in who.external:
        if account.account_type == "savings" and account.balance_minor >= short:
            account.balance_minor -= short
            money.move(
                stage, who, short, method="transfer", counterparty=f"own-{account.institution}",
                reference="From my other account",
            )  # fmt: skip
            return


def _take_product(stage: Stage, who: Resident, product: str) -> None:
    who.products.add(product)
    stage.tell(who, "product.opened", product=product)
    monthly = who.monthly_minor
    if product in {"instant_saver", "savings_account"}:
        who.balances.setdefault(who.savings, 0)
        spare = who.balance_minor - 2 * monthly
        if spare > 0:
            moved = Bill("own-savings", "Savings", round(0.8 * spare), 28, "transfer", count_left=0)
            money.settle(stage, who, stage.now_ms, moved)
        if all(bill.key != "own-savings" for bill in who.bills):
            who.bills.append(
                Bill("own-savings", "Savings", round(0.05 * monthly), 28, "standing_order")
            )
    elif product in {"personal_loan", "car_loan"}:
        money.move(
            stage, who, 3 * monthly, method="transfer", counterparty="bank-loans",
            reference="Loan paid out",
        )  # fmt: skip
        rate = round(3 * monthly * 1.09 / LOAN_MONTHS)
        who.bills.append(Bill(f"bank-{product}", "Loan repayment", rate, 6, count_left=LOAN_MONTHS))
    elif product.endswith("insurance") and product != "travel_insurance":
        who.bills.append(Bill(f"bank-{product}", "Insurance premium", round(0.01 * monthly), 12))
    elif product in {"index_fund", "pension", "stocks_account"}:
        share = max(round(0.05 * monthly), 2_500)
        who.bills.append(Bill(f"bank-{product}", "Investment plan", share, 6))


def margin(who: Resident) -> int:
    """What the products held from the start bring the bank a month; later ones count with their decision."""
    return sum(
        min(
            PRODUCT_VALUE_MINOR.get(product, OTHER_VALUE_MINOR)[1] // MONTHS_OF_A_PRODUCT,
            PRODUCT_MONTH_MINOR_MAX,
        )
        for product in who.products
    )


def reckon(stage: Stage, who: Resident, now_ms: int, days: int) -> None:
    """Report the value of the past so many days, holdout or not; and leave if the relation is spent."""
    month = days / 30
    noise = 1.0 + 0.05 * who.rng.gauss(0, 1)
    loyalty = 0.4 + who.satisfaction
    bank_minor = (BASE_VALUE_MINOR[1] + who.margin_minor) * loyalty * noise * month
    customer_minor = BASE_VALUE_MINOR[0] * loyalty * noise * month - 600 * who.stress * month
    stage.tell(
        who,
        "feedback.received",
        outcome="value",
        value_customer_minor=round(customer_minor) + who.gained_minor,
        value_bank_minor=round(bank_minor) + who.saved_minor,
    )
    who.gained_minor = who.saved_minor = 0
    who.satisfaction += 0.12 * (0.58 - who.satisfaction) * month
    if who.satisfaction < LEAVES_BELOW and who.rng.random() < 0.3 * month:
        _leave(stage, who)
    stage.plan(now_ms + days * DAY_MS, who, reckon, days)


def _leave(stage: Stage, who: Resident) -> None:
    """Give up all products but the account, and stop using the app."""
    for product in sorted(who.products - {"current_account"}):
        stage.tell(who, "product.closed", product=product)
    who.products = {"current_account"}
    who.margin_minor = 0
    who.life["left"] = stage.now_ms
