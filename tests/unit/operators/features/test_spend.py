from zlib import crc32

import pytest

from operators.features.decay import HALF_LIFE_90D, halved
from operators.features.spend import Spend, countries_of, home_of, met_days, sums_of
from operators.features.spending import CATEGORIES, category_of, of_code
from schemas.base import DAY_MS
from tests.accounts import START_DAY, folded, moved, values


def at(day: int) -> int:
    return (START_DAY + day) * DAY_MS + DAY_MS - 1


@pytest.mark.parametrize(
    ("mcc", "category"),
    [("5411", "groceries"), ("3005", "travel"), ("7011", "travel"), ("4214", "home"),
     ("6011", "cash"), ("4899", "subscriptions"), ("5542", "transport"), ("0001", "other")],
)  # fmt: skip
def test_codes_have_categories(mcc: str, category: str) -> None:
    """Merchant category codes map as ISO 18245 groups them."""
    assert of_code(mcc) == category
    assert category in CATEGORIES


def test_words_tell_where_codes_do_not() -> None:
    """A transfer has no code: its reference or payee may still say what it is for."""
    assert category_of(None, "standing_order", None, "MORTGAGE 7") == "housing"
    assert category_of(None, "transfer", None, None, "landlord-1") == "housing"
    assert category_of(None, "direct_debit", "City Energy", None) == "utilities"
    assert category_of(None, "transfer", None, "current stuff") == "other"


def test_a_steady_flow_reads_as_its_window() -> None:
    """Ten a day on travel, for long, reads as about nine hundred in ninety days."""
    memories = folded([moved(day, -1_000, method="card", mcc="3005") for day in range(500)])
    read = values(memories, now_ms=at(499))
    assert read["spend.travel_90d_eur"] == pytest.approx(900, rel=0.02)
    assert read["spend.card_count_30d"] == pytest.approx(30, rel=0.03)


def test_a_refund_lessens_its_category() -> None:
    """What came back from a shop was not spent there."""
    memories = folded(
        [moved(0, -5_000, method="card", mcc="5411"), moved(0, 5_000, method="card", mcc="5411")]
    )
    assert values(memories, now_ms=at(0))["spend.groceries_share"] == pytest.approx(0, abs=1e-6)


def test_home_is_where_most_payments_are() -> None:
    """One dear holiday doesn't move the home country."""
    events = [moved(day, -1_000, method="card", country="GB") for day in range(9)]
    events += [moved(9, -90_000, method="card", country="PT")]
    memories = folded(events)
    assert home_of(memories["spend"]) == "GB"
    assert values(memories, now_ms=at(9))["spend.foreign_share"] == pytest.approx(0.91, abs=0.02)


def test_merchants_and_countries_are_bounded() -> None:
    """A thousand payees leave a bounded memory."""
    memory = folded(
        [
            moved(n / 50, -1_000, method="card", merchant=f"Shop {chr(97 + n % 26)}{chr(97 + n // 26 % 26)}",
                  country=f"{chr(65 + n % 26)}A")
            for n in range(1_000)
        ]
    )["spend"]  # fmt: skip
    assert len(met_days(memory)) <= 48
    assert len(memory["countries"]) <= 8


def test_payees_are_met_on_their_newest_day() -> None:
    """A payee counts once, a late payment moves nothing back, and a month later it is gone."""
    shops = [moved(day, -100, method="card", merchant=name) for name, day in [("A", 3), ("B", 9)]]
    again = [
        moved(5, -100, method="card", merchant="A"),
        moved(4, -100, method="card", merchant="A"),
    ]
    kept = folded([*shops, *again])["spend"]
    assert sorted(met_days(kept)) == [START_DAY + 5, START_DAY + 9]
    later = folded([*shops, *again, moved(36, -100, method="card", merchant="C")])["spend"]
    assert sorted(met_days(later)) == [START_DAY + 9, START_DAY + 36]


def test_memory_of_the_first_version_goes_on() -> None:
    """Payees lay in a dictionary by the hash in hexadecimal, sums and countries in lists of floats."""
    names = "AB"
    shops = [
        moved(9 + n, -100, method="card", merchant=name, country="GB")
        for n, name in enumerate(names)
    ]
    kept = folded(shops)["spend"]
    before = {
        f"{crc32(f'm:{name.lower()}'.encode()):x}": START_DAY + 9 + n
        for n, name in enumerate(names)
    }
    places = {name: list(both) for name, both in countries_of(kept).items()}
    old = {**kept, "merchants": before, "sums": list(sums_of(kept)), "countries": places}
    assert met_days(old) == met_days(kept)
    again = moved(12, -100, method="card", merchant="A")
    spend = Spend()
    assert spend.read(old, now_ms=at(12)) == spend.read(kept, now_ms=at(12))
    made = spend.update(old, again, now_ms=at(12))
    assert made == spend.update(kept, again, now_ms=at(12))
    assert sorted(met_days(made)) == [START_DAY + 10, START_DAY + 12]


def test_halving_is_exact_at_half_lives_and_never_grows() -> None:
    """The table agrees with the power of two to one part in ten million."""
    ages = [HALF_LIFE_90D * step / 37 for step in range(200)]
    halves = [halved(age, HALF_LIFE_90D) for age in ages]
    assert halves == sorted(halves, reverse=True)
    for age, half in zip(ages, halves, strict=True):
        assert half == pytest.approx(0.5 ** (age / HALF_LIFE_90D), rel=1e-7)
    assert halved(-5, 10) == 1.0
    assert halved(1e9, 1) == 0.0
