"""Refuses what the customer did not agree to, and asks for consent only when asking is fair.

Stage: 5 of 8. In: candidate, situation. Out: Verdict.
"""

from collections.abc import Mapping

from operators.contracts import Situation
from schemas.base import DAY_MS, Purpose, Source
from schemas.customer import Customer
from schemas.decisions import Candidate, Verdict
from schemas.offers import Item, Kind

ALLOWED = Verdict(allowed=True)
PROFILED: frozenset[Purpose] = frozenset(
    {Purpose.DIRECT_MARKETING, Purpose.SERVICE_PERSONALISATION}
)
"""What an objection to profiling stops; protective help stands on its own consent."""
ASK_WINDOW_MS = 30 * DAY_MS

REFUSALS: dict[str, Verdict] = {
    rule: Verdict(allowed=False, rule=rule, words=words)
    for rule, words in {
        "consent.purpose": "You have not agreed to us using your data for this.",
        "consent.channel": "You have not agreed to hear of this here.",
        "consent.source": "It rests on data that you have not agreed to us using for this.",
        "consent.objection_marketing": "You asked us not to send you any marketing.",
        "consent.objection_profiling": "You asked us not to build a profile of you for this.",
        "consent.already_granted": "You have already agreed to this.",
        "consent.refused_lately": "You said no to this not long ago, and we respect that.",
        "consent.mistrusted": "You told us that this data is too personal.",
        "consent.asks_per_month": "We have asked you enough questions like this for now.",
        "consent.incomplete_ask": "The question does not say what it asks for.",
    }.items()
}


class ConsentStands:
    """Every item stands on a live consent for its purpose, and for each source of its signal.

    A request for consent uses no personal data, so it needs none; it is held back when the answer
    is known, when «no» was said lately, or when there were enough such requests.

    Source: GDPR articles 6(1)(a), 7(3) and 21(1)-(3); EDPB Guidelines 05/2020 on consent.
    """

    name: str = "consent"
    source: str = "GDPR articles 6(1)(a), 7(3), 21(1)-(3); EDPB Guidelines 05/2020"
    refusals: Mapping[str, Verdict] = REFUSALS
    looks: bool = False

    def judge(self, candidate: Candidate, situation: Situation) -> Verdict:
        """Allowed if the consents, and no objection, stand at this instant.

        Args:
            candidate: What is proposed, with the sources of its signal.
            situation: The customer's grants and objections, and the instant.
        """
        item = candidate.item
        purpose = item.purpose
        if purpose is None:
            return _judge_ask(item, situation)
        if situation.customer.objections:
            objected = _objection(situation.customer, purpose)
            if objected is not None:
                return objected
        granted = situation.granted(purpose)
        if not granted:
            return REFUSALS["consent.purpose"]
        if not granted.issuperset(candidate.sources):
            return REFUSALS["consent.source"]
        if not reachable(situation.customer, purpose, candidate.channel, now_ms=situation.now_ms):
            return REFUSALS["consent.channel"]
        return ALLOWED


def reachable(customer: Customer, purpose: Purpose, channel: str, *, now_ms: int) -> bool:
    """Whether every consent that the purpose stands on lets it use a channel: the strictest wins."""
    limits = customer.channel_limits
    return not limits or all(
        channel in limits.get(f"{purpose}:{source}", (channel,))
        for source in customer.granted(purpose, now_ms)
    )


def _objection(customer: Customer, purpose: Purpose) -> Verdict | None:
    if "marketing" in customer.objections and purpose is Purpose.DIRECT_MARKETING:
        return REFUSALS["consent.objection_marketing"]
    if "profiling" in customer.objections and purpose in PROFILED:
        return REFUSALS["consent.objection_profiling"]
    return None


def _judge_ask(item: Item, situation: Situation) -> Verdict:
    customer, now_ms = situation.customer, situation.now_ms
    purpose, source = item.asks_purpose, item.asks_source
    if purpose is None or source is None:
        return REFUSALS["consent.incomplete_ask"]
    objected = _objection(customer, purpose)
    if objected is not None:
        return objected
    if customer.mistrusted.get(source, 0) > now_ms:
        return REFUSALS["consent.mistrusted"]
    if customer.may(purpose, source, now_ms) and not _ends_soon(situation, purpose, source):
        return REFUSALS["consent.already_granted"]
    if _refused_lately(situation, f"{purpose}:{source}"):
        return REFUSALS["consent.refused_lately"]
    return _judge_ask_count(situation)


def _ends_soon(situation: Situation, purpose: Purpose, source: Source) -> bool:
    """Whether a consent that stands ends so soon that its renewal may be asked for."""
    until_ms = situation.customer.grants[purpose][source].until_ms
    early_ms = situation.rules.consent_renewal_days * DAY_MS
    return until_ms is not None and until_ms - situation.now_ms <= early_ms


def _refused_lately(situation: Situation, key: str) -> bool:
    """Whether «no» was said within the rest; taking a consent back is a «no» too."""
    customer = situation.customer
    rest_ms = situation.rules.consent_ask_rest_days * DAY_MS
    return any(
        key in no and situation.now_ms - no[key] < rest_ms
        for no in (customer.refusals, customer.withdrawn)
    )


def _judge_ask_count(situation: Situation) -> Verdict:
    asked_count = sum(
        1
        for contact in situation.customer.contacts
        if contact.kind == Kind.CONSENT_ASK and situation.now_ms - contact.at_ms < ASK_WINDOW_MS
    )
    crowded = asked_count >= situation.rules.consent_asks_per_month
    return REFUSALS["consent.asks_per_month"] if crowded else ALLOWED
