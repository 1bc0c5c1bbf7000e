"""Contact: caps, rests, quiet hours and switches."""

from typing import Any

import pytest

from operators.policy.contact import PROTECTIVE_PER_DAY_MAX, ContactCaps, quiet
from schemas.base import DAY_MS, HOUR_MS, Channel
from schemas.customer import Contact, Preference
from schemas.offers import Item
from tests.moments import NOW_MS, candidate, customer, item, situation

POLICY = ContactCaps()
PROTECTIVE = item("intervention", protective=True)


def said(
    *days_ago: float, kind: str = "feature", channel: str = "in_app", action: str = "other"
) -> list[Contact]:
    """Contacts of a kind, so many days ago."""
    return [Contact(NOW_MS - round(d * DAY_MS), action, kind, channel) for d in days_ago]


def rule(of: Item, *, channel: Channel = Channel.IN_APP, **changes: Any) -> str:
    """The rule that holds this item back, or nothing."""
    return POLICY.judge(candidate(of, channel=channel), situation(customer(**changes))).rule


def test_day_and_week_caps_over_trailing_windows() -> None:
    """Two a day and four a week by default; what left the window no longer counts."""
    feature = item("feature")
    assert rule(feature, contacts=said(0.1, 0.9)) == "contact.day"
    assert rule(feature, contacts=said(0.1, 1.0)) == ""
    assert rule(feature, contacts=said(2, 3, 4, 6.9)) == "contact.week"
    assert rule(feature, contacts=said(2, 3, 4, 7)) == ""


def test_marketing_has_its_own_cap() -> None:
    """After two offers in a week a third is refused, a feature is not."""
    contacts = said(2, 3, kind="offer")
    assert rule(item("offer"), contacts=contacts) == "contact.marketing_week"
    assert rule(item("feature"), contacts=contacts) == ""


def test_only_what_comes_to_the_customer_counts_as_push() -> None:
    """Push and e-mail interrupt; the app and the chat are where the customer came to us."""
    feature = item("feature")
    pushed = [*said(2, channel="push"), *said(3, channel="email")]
    assert rule(feature, channel=Channel.PUSH, contacts=pushed) == "contact.push_week"
    assert rule(feature, channel=Channel.EMAIL, contacts=pushed) == "contact.push_week"
    assert rule(feature, channel=Channel.CHAT, contacts=pushed) == ""
    assert rule(feature, channel=Channel.PUSH, contacts=said(2, 3)) == ""


@pytest.mark.parametrize("of", [item("feature"), PROTECTIVE])
def test_switched_off_channels_and_quiet_hours_bind_even_help(of: Item) -> None:
    """What the customer chose about a channel holds for everything, on that channel only."""
    off = {"push": Preference(enabled=False)}
    noon = {"push": Preference(quiet_from_hour=12, quiet_to_hour=13)}
    assert rule(of, channel=Channel.PUSH, preferences=off) == "contact.channel_off"
    assert rule(of, channel=Channel.PUSH, preferences=noon) == "contact.quiet_hours"
    assert rule(of, channel=Channel.IN_APP, preferences=off | noon) == ""


def test_quiet_hours_may_span_midnight() -> None:
    """From is inclusive, to is exclusive, and a half-set pair means none."""
    night = Preference(quiet_from_hour=22, quiet_to_hour=7)
    quiet_hours = [hour for hour in range(24) if quiet(night, now_ms=hour * HOUR_MS)]
    assert quiet_hours == [0, 1, 2, 3, 4, 5, 6, 22, 23]
    assert not quiet(Preference(quiet_from_hour=22), now_ms=23 * HOUR_MS)


def test_rests_of_the_item_its_category_and_after_a_complaint() -> None:
    """Each rest refuses until its instant; the item's own rest also follows from what was said."""
    feature = item("feature", rest_days=30)
    later = NOW_MS + 1
    assert rule(feature, rests={feature.id: later}) == "contact.resting"
    assert rule(feature, rests={"category:some": later}) == "contact.category_resting"
    assert rule(feature, rests={"all": later}) == "contact.paused"
    passed = {feature.id: NOW_MS, "category:some": NOW_MS, "all": NOW_MS}
    assert rule(feature, rests=passed) == ""
    assert rule(feature, contacts=said(29, action=feature.id)) == "contact.resting"
    assert rule(feature, contacts=said(30, action=feature.id)) == ""


def test_protective_help_passes_caps_up_to_a_daily_maximum() -> None:
    """Caps and pauses hold help back only past an absolute number a day."""
    crowded = said(*[0.1] * (PROTECTIVE_PER_DAY_MAX - 1))
    rests = {"all": NOW_MS + 1, "category:some": NOW_MS + 1}
    assert rule(PROTECTIVE, contacts=crowded, rests=rests) == ""
    assert rule(PROTECTIVE, contacts=[*crowded, *said(0.2)]) == "contact.protective_day"
    assert rule(PROTECTIVE, rests={PROTECTIVE.id: NOW_MS + 1}) == "contact.resting"


def test_an_offer_that_calls_itself_protective_is_still_an_offer() -> None:
    """Only interventions pass the caps."""
    assert rule(item("offer", protective=True), contacts=said(0.1, 0.2)) == "contact.day"
