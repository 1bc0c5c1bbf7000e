"""Refuses what would be too much, too soon, at the wrong hour or on a channel switched off.

Stage: 5 of 8. In: candidate, situation. Out: Verdict.
"""

from collections.abc import Mapping

from operators.contracts import Situation
from schemas.base import DAY_MS, HOUR_MS, Channel
from schemas.customer import Contact, Preference
from schemas.decisions import Candidate, Verdict
from schemas.offers import Item, Kind

ALLOWED = Verdict(allowed=True)
WEEK_MS = 7 * DAY_MS
INTERRUPTING: frozenset[Channel] = frozenset({Channel.PUSH, Channel.EMAIL})
"""Channels that come to the customer; in the app and in chat the customer has come to us."""
PROTECTIVE_PER_DAY_MAX = 6
"""Even help stops here: past it, more messages harm more than they help."""
PAUSE = "all"
"""The key in `Customer.rests` of a pause after a complaint; `category:<category>` rests a category."""

ANY_TIME = Preference()
"""What holds for a channel that nothing was said of."""

REFUSALS: dict[str, Verdict] = {
    rule: Verdict(allowed=False, rule=rule, words=words)
    for rule, words in {
        "contact.channel_off": "You switched this channel off.",
        "contact.quiet_hours": "It is your quiet time on this channel.",
        "contact.resting": "We said this to you not long ago, or you asked us to leave it for a while.",
        "contact.category_resting": "You asked us to leave this subject for a while.",
        "contact.paused": "You complained to us, so we keep quiet for a while.",
        "contact.protective_day": "You have heard from us very often today.",
        "contact.day": "You have heard from us often enough today.",
        "contact.week": "You have heard from us often enough this week.",
        "contact.marketing_week": "You have had enough offers from us this week.",
        "contact.push_week": "We have come to you often enough this week; we wait until you come to us.",
    }.items()
}


class ContactCaps:
    """Channel switches, quiet hours, rests and caps over trailing windows of 24 hours and 7 days.

    A protective intervention passes the caps, the pause and the rest of its category, but neither
    its own rest, nor a switched-off channel, nor quiet hours, nor an absolute daily maximum.

    Source: Directive 2002/58/EC article 13; the bank's contact policy (`schemas.rules.Rules`).
    """

    name: str = "contact"
    source: str = "Directive 2002/58/EC article 13; the bank's contact policy"
    refusals: Mapping[str, Verdict] = REFUSALS
    looks: bool = False

    def judge(self, candidate: Candidate, situation: Situation) -> Verdict:
        """Allowed if one more contact, of this kind, here and now, is not too much.

        Args:
            candidate: What is proposed, with its channel.
            situation: Past contacts, rests, preferences and the instant (UTC).
        """
        now_ms = situation.now_ms
        preference = situation.customer.preferences.get(candidate.channel, ANY_TIME)
        if not preference.enabled:
            return REFUSALS["contact.channel_off"]
        if quiet(preference, now_ms=now_ms):
            return REFUSALS["contact.quiet_hours"]
        protective = candidate.item.protective and candidate.item.kind is Kind.INTERVENTION
        rested = _judge_rests(candidate.item, situation, protective=protective)
        if rested is not None:
            return rested
        today = situation.said_within(DAY_MS)
        if protective:
            crowded = len(today) >= PROTECTIVE_PER_DAY_MAX
            return REFUSALS["contact.protective_day"] if crowded else ALLOWED
        week = situation.said_within(WEEK_MS)
        return _judge_caps(candidate, situation, today=today, week=week) or ALLOWED


def quiet(preference: Preference, *, now_ms: int) -> bool:
    """Whether an instant lies in quiet hours, which may span midnight (UTC).

    Example:
        >>> night = Preference(quiet_from_hour=22, quiet_to_hour=7)
        >>> quiet(night, now_ms=23 * HOUR_MS), quiet(night, now_ms=7 * HOUR_MS)
        (True, False)
    """
    begin, end = preference.quiet_from_hour, preference.quiet_to_hour
    if begin is None or end is None:
        return False
    hour = now_ms // HOUR_MS % 24
    return begin <= hour < end if begin <= end else hour >= begin or hour < end


def _judge_rests(item: Item, situation: Situation, *, protective: bool) -> Verdict | None:
    customer, now_ms = situation.customer, situation.now_ms
    if customer.rests.get(item.id, 0) > now_ms:
        return REFUSALS["contact.resting"]
    rest_ms = item.rest_days * DAY_MS
    for c in customer.contacts:
        if c.action == item.id and now_ms - c.at_ms < rest_ms:
            return REFUSALS["contact.resting"]
    if protective:
        return None
    if customer.rests.get(f"category:{item.category}", 0) > now_ms:
        return REFUSALS["contact.category_resting"]
    if customer.rests.get(PAUSE, 0) > now_ms:
        return REFUSALS["contact.paused"]
    return None


def _judge_caps(
    candidate: Candidate, situation: Situation, *, today: list[Contact], week: list[Contact]
) -> Verdict | None:
    rules = situation.rules
    if len(today) >= rules.contacts_per_day:
        return REFUSALS["contact.day"]
    if len(week) >= rules.contacts_per_week:
        return REFUSALS["contact.week"]
    if candidate.item.kind is Kind.OFFER:
        offers_count = sum(1 for c in week if c.kind == Kind.OFFER)
        if offers_count >= rules.marketing_per_week:
            return REFUSALS["contact.marketing_week"]
    if candidate.channel in INTERRUPTING:
        pushes_count = sum(1 for c in week if c.channel in INTERRUPTING)
        if pushes_count >= rules.push_per_week:
            return REFUSALS["contact.push_week"]
    return None
