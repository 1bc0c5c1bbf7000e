"""What is worth knowing: fees, double charges, months in words, the score of a customer's money."""

from collections.abc import Iterable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from operators.decide import decide
from operators.insights import cap, wakes, wellness
from operators.insights.calendar import month_of, name_of, told_ms
from operators.insights.wellness import NEEDS, parts
from schemas.base import DAY_MS, Purpose, Source
from schemas.customer import Customer
from schemas.events import EventBase
from schemas.signals import Signal
from tests.accounts import START_DAY, happened, household, monthly, moved
from tests.moments import grant_all
from tests.streams import small_world

WORLD = small_world()
SHOP = {"method": "card", "merchant": "Grand Hotel 12", "mcc": "7011"}


def lived(
    events: Iterable[EventBase], *, agreed: Iterable[Purpose] = Purpose
) -> tuple[Customer, list[dict[str, Any]]]:
    """A customer who agreed long ago lives through events; the record and every insight."""
    me = Customer("c-1")
    me.grants = {p: by_source for p, by_source in grant_all().items() if p in {*agreed}}
    told: list[dict[str, Any]] = []
    for index, event in enumerate(sorted(events, key=lambda event: event.at_ms)):
        outcome = decide(me, event, world=WORLD, position=f"customer-events:0:{index}:0")
        assert outcome.customer is not None
        me = outcome.customer
        told += outcome.insights
    return me, told


def named(told: Iterable[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    return [one for one in told if one["type"] == name]


def test_a_fee_is_told_with_the_months_sum() -> None:
    """The first at once, small ones after it once a week with what they came to."""
    fees = [moved(day, -300, method="fee", index=day) for day in (40, 42, 49)]
    _, told = lived([*household(3), *fees])
    said = [one["words"] for one in named(told, "fee.charged")]
    assert said == [
        "You were charged a fee of 3.00 EUR. It is the first one this month.",
        "You were charged a fee of 3.00 EUR. Fees have come to 9.00 EUR this month, in 3 charges.",
    ]
    assert all(one["kind"] == "alert" for one in named(told, "fee.charged"))


def test_a_payment_taken_twice_is_told_once() -> None:
    """Equal amounts at one shop within a day; not coffee, not a habit, not what was given back."""
    twice = [moved(40 + 0.1 * n, -18_000, index=n, **SHOP) for n in range(2)]
    said = named(lived([*household(3), *twice])[1], "charge.duplicate")
    assert [one["words"][:52] for one in said] == [
        "You paid 180.00 EUR to Grand Hotel twice within a da"
    ]
    again = [moved(60 + 0.1 * n, -18_000, index=n, **SHOP) for n in range(2)]
    assert len(named(lived([*household(3), *twice, *again])[1], "charge.duplicate")) == 1
    coffee = [moved(40 + 0.1 * n, -300, index=n, **SHOP) for n in range(3)]
    assert not named(lived([*household(3), *coffee])[1], "charge.duplicate")
    first, second = twice
    back = moved(40.05, 18_000, index=9, **SHOP)
    assert not named(lived([*household(3), first, back, second])[1], "charge.duplicate")


def test_more_than_usual_is_told_while_it_happens() -> None:
    """Three months of modest dinners, then a dear one: once for that month, with the days that are left."""
    meals = {"method": "card", "merchant": "Bistro", "mcc": "5812"}
    usual = [moved(day, -2_000, index=1, **meals) for day in range(1, 120, 5)]
    dear = [moved(125 + n, -11_000, index=2, **meals) for n in range(3)]
    (said,) = named(lived([*household(5), *usual, *dear])[1], "spend.above_usual")
    assert "on eating out in May, with" in said["words"]
    assert said["evidence"]["usual_minor"] == 12_000
    assert said["kind"] == "news"


def test_a_month_is_told_when_it_is_over() -> None:
    """On the tick that was asked for, in figures that add up, and once."""
    events = [event for event in household(5) if event.at_ms < told_ms(month_of(START_DAY) + 3)]
    me, told = lived(events)
    asked = wakes(me.slots, me.latest_ms)["month"]
    assert asked == told_ms(month_of(START_DAY) + 3)
    ticks = [
        happened("clock.ticked", asked / DAY_MS - START_DAY - 0.375 + n, timer="month")
        for n in (0, 1)
    ]
    _, told = lived([*events, *ticks])
    last = named(told, "month.summary")[-1]
    assert last["at_ms"] == asked
    assert last["evidence"]["month"] == name_of(month_of(START_DAY) + 3) == "April"
    spent = last["evidence"]["spent_minor"]
    assert spent == sum(row["spent_minor"] for row in last["evidence"]["categories"])
    assert last["words"].startswith("In April, 2,500 EUR came in and")
    assert len(named(told, "month.summary")) == len(
        {o["at_ms"] for o in named(told, "month.summary")}
    )


def test_a_month_known_in_part_is_not_told() -> None:
    """An account that came in the middle of the month has no whole month to tell."""
    late = [event for event in household(3) if event.at_ms > (START_DAY + 12) * DAY_MS]
    _, told = lived(late)
    assert [one["evidence"]["month"] for one in named(told, "month.summary")] == ["February"]


def test_insights_need_consent_to_wellbeing() -> None:
    """Without that purpose nothing is noticed, and no memory of it is kept."""
    fees = [moved(40, -750, method="fee")]
    others = [purpose for purpose in Purpose if purpose is not Purpose.FINANCIAL_WELLBEING]
    me, told = lived([*household(4), *fees], agreed=others)
    assert told == []
    assert not {"fees_charged", "spending_months", "money_health", cap.SLOT.name} & set(me.slots)


def test_a_cheaper_subscription_is_told() -> None:
    """With what it comes to in a year."""
    fields: dict[str, Any] = {"method": "card", "merchant": "Streamly", "mcc": "4899"}
    paid = [
        *monthly(-1_199, day_of_month=7, months=range(1, 6), **fields),
        *monthly(-999, day_of_month=7, months=range(6, 8), **fields),
    ]
    (said,) = named(lived([*household(7), *paid])[1], "recurring.price_down")
    assert said["words"] == (
        "Your regular payment to Streamly went down from 11.99 EUR to 9.99 EUR, "
        "which is about 24 EUR less a year."
    )


def test_news_is_rationed_and_alerts_are_not() -> None:
    """Two pieces of news a week, the strongest first; what costs money is told in any case."""
    me = Customer("c-1")
    day = 0
    for day in range(3):
        news = [signal(f"news.{n}", n / 10) for n in range(3)]
        told = cap.publishable(me, [*news, signal("fee.charged")], now_ms=day * DAY_MS)
        assert "fee.charged" in {one.name for one in told}
        if day == 0:
            assert {one.name for one in told} == {"fee.charged", "news.1", "news.2"}
        else:
            assert len(told) == 1
    later = cap.publishable(me, [signal("news.1"), signal("salary.arrived")], now_ms=8 * DAY_MS)
    assert {one.name for one in later} == {"news.1", "salary.arrived"}
    assert not cap.publishable(me, [signal("salary.arrived")], now_ms=15 * DAY_MS)
    both = [signal("fees.high"), signal("fee.charged")]
    assert [one.name for one in cap.publishable(me, both, now_ms=0)] == ["fees.high"]


def signal(name: str, strength: float = 0.5) -> Signal:
    return Signal(name, strength, (Source.TRANSACTIONS,), "Words.", insight=True)


def test_the_score_is_told_once_a_month_with_its_parts() -> None:
    """Not before the account is known for a while; then each month, with the change."""
    _, told = lived(household(6))
    scores = named(told, "wellness.score")
    assert 2 <= len(scores) <= 4
    first, second = scores[:2]
    assert first["evidence"]["before"] is None
    assert second["evidence"]["before"] == first["evidence"]["score"]
    made = first["evidence"]["parts"]
    assert [part["part"] for part in made] == ["spending", "saving", "borrowing", "planning"]
    mean = sum(part["score"] for part in made) / 4
    assert first["evidence"]["score"] == round(mean)
    assert f"{first['evidence']['score']} of 100" in first["words"]


EVERYDAY = {
    "cash.history_days": 200.0, "cash.income_month_eur": 2_500.0, "cash.spend_month_eur": 2_300.0,
    "cash.savings_rate": 0.08, "cash.low_30d_eur": 900.0, "cash.debt_service_share": 0.3,
    "spend.fees_90d_eur": 20.0, "recurring.outflow_month_eur": 1_400.0,
    "openbank.accounts_count": 0.0, "openbank.idle_cash_eur": 0.0, "openbank.debt_eur": 0.0,
}  # fmt: skip


@given(
    st.fixed_dictionaries(
        {
            "cash.savings_rate": st.floats(-1, 1),
            "cash.low_30d_eur": st.floats(-2_000, 50_000),
            "cash.debt_service_share": st.floats(0, 1),
            "spend.fees_90d_eur": st.floats(0, 500),
            "openbank.idle_cash_eur": st.floats(0, 50_000),
            "openbank.debt_eur": st.floats(0, 100_000),
        }
    ),
    st.integers(0, 3),
)
def test_doing_better_never_scores_less(changes: dict[str, float], aside: int) -> None:
    """Each part is within bounds and rises with what it says would raise it; it says so unless at its top."""
    f = {**EVERYDAY, **changes}
    assert set(f) == set(NEEDS)
    made = parts(f, months_aside=aside, currency="EUR")
    assert all(0 <= part.points <= 100 for part in made)
    assert all(part.raised_by or part.points >= 50 for part in made)
    better = {
        **f,
        "cash.savings_rate": min(1.0, f["cash.savings_rate"] + 0.05),
        "cash.low_30d_eur": f["cash.low_30d_eur"] + 100,
        "cash.debt_service_share": max(0.0, f["cash.debt_service_share"] - 0.05),
        "spend.fees_90d_eur": 0.0,
    }
    again = parts(better, months_aside=min(3, aside + 1), currency="EUR")
    assert all(now.points >= then.points for then, now in zip(made, again, strict=True))


def test_what_would_raise_a_part_does() -> None:
    """Doing what is said reaches the points that are named."""
    made = {p.name: p for p in parts(EVERYDAY, months_aside=1, currency="EUR")}
    assert made["saving"].raised_by == "250 EUR more at hand would bring it to 20."
    saved = parts({**EVERYDAY, "cash.low_30d_eur": 1_150.0}, months_aside=1, currency="EUR")
    assert saved[1].points == 20
    assert made["borrowing"].raised_by == "At 20 % or less it would be 80."
    assert wellness.points(0.2, wellness.REPAYMENTS) == 80
    assert made["planning"].raised_by.startswith("Putting something aside in one month more")


def test_a_subscription_that_two_accounts_pay_is_told_once() -> None:
    """One here and one at another bank; of a different payee, or without consent for other banks, nothing is said."""
    here = monthly(-1_299, day_of_month=5, months=range(1, 7), method="card", merchant="Film Club")
    there = [
        happened("openbanking.transaction", day, event_id=f"o-{day}", account="x-1", institution="b", currency="EUR",
                 transaction_id=f"o-{day}", amount_minor=-1_099, method="card", merchant="FILM CLUB 77")
        for day in (10, 41, 69, 100, 130)
    ]  # fmt: skip
    (said,) = named(lived([*here, *there])[1], "subscription.duplicate")
    assert said["words"] == (
        "A subscription to Film Club is paid twice, here and at another bank. "
        "If one is not needed, that is about 130 EUR a year."
    )
    assert said["kind"] == "alert"
    other = monthly(-999, day_of_month=5, months=range(1, 7), method="card", merchant="Song Club")
    assert not named(lived([*other, *there])[1], "subscription.duplicate")
    assert not named(lived(here)[1], "subscription.duplicate")
