"""Say why, why not the others, and what would change it, in words that a customer understands.

Stage: 7 of 8. In: choice, refusals, what was used. Out: Explanation.

Everything said is taken from the decision itself: the signal's own words, the exact additive
contributions of the score, the vote, and the rule of each refusal. Nothing is made up afterwards,
and no data is named that the decision could not use.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from operators.contracts import Situation
from operators.draws import identify
from operators.features import SPECS
from operators.policy import braked
from schemas.base import Purpose, Source
from schemas.decisions import SILENCE, Candidate, Choice, Explanation, Screened, Verdict
from schemas.offers import Kind

TEMPLATE = "explanation.en.2"
"""Names this wording: it changes with every change of a sentence below."""
FACTORS_MAX = 5
FACTORS_TOLD = 3
WHY_NOT_MAX = 8
CROSSED = "×"
"""A contribution may be named ``feature×trait``: what is told is the feature."""
HOLDOUT_RULE = "measure.holdout"
OUTRANKED = "arbitrate.outranked"

SOURCE_WORDS: dict[Source, str] = {
    Source.TRANSACTIONS: "your card and account payments",
    Source.APP: "how you use our app",
    Source.OPEN_BANKING: "your accounts at other banks",
    Source.LOCATION: "the kinds of places you are at, such as an airport",
    Source.LIFE_EVENTS: "changes in your life",
    Source.MESSAGES: "what you wrote to us",
    Source.PROFILE: "your profile and the products you have with us",
    Source.CONTROL: "your choices and answers",
}
PURPOSE_WORDS: dict[Purpose, str] = {
    Purpose.SERVICE_PERSONALISATION: "making the app and our service fit you",
    Purpose.DIRECT_MARKETING: "suggesting products to you",
    Purpose.FINANCIAL_WELLBEING: "helping you with your money",
    Purpose.MODEL_TRAINING: "improving our suggestions for everybody",
}
RIGHTS = (
    "You can change what you agreed to, or take it back, under Privacy in the app. You can object to"
    " offers or to profiling there; that works at once. If you disagree with this decision, tell us:"
    " a person looks at it again. You can reach a person by chat, by phone or in a branch."
)
ASKED_BLIND = "We only ask; we used none of your personal data to ask it."
ASKED_BESIDE = "We only ask. Your data was looked at only to see whether something else would be of more use to you."
DEGRADED = "A part of our system was not working, so we were more careful than usual."
SOURCE_OF: dict[str, Source] = {spec.name: spec.source for spec in SPECS}


def tell(
    *,
    decision_id: str,
    choice: Choice,
    chosen: Candidate | None,
    screened: Sequence[Screened],
    situation: Situation,
    purposes: Sequence[Purpose],
    sources: Sequence[Source],
    words: Mapping[str, str],
    counterfactual: dict[str, Any] | None,
    consent_counterfactual: dict[str, Any] | None,
    degraded: Sequence[str] = (),
    worth: dict[str, Any] | None = None,
) -> Explanation:
    """The explanation of one decision, for its customer.

    Args:
        decision_id: The decision explained.
        choice: What was chosen, how, and the contributions to its score.
        chosen: The chosen candidate, None for silence.
        screened: Every candidate with the first refusal that it met.
        situation: The customer's flags and the instant.
        purposes: The purposes that the decision used.
        sources: The sources that it used: only features of these are named.
        words: Feature name → what a customer calls it.
        counterfactual: What would have been said had something been otherwise, as re-run.
        consent_counterfactual: What would have been said without a source, as re-run.
        degraded: What failed on the way, by name; the customer is told that something did.
        worth: What was expected of the choice by ledger (`operators.value.ledgers.told`).

    Source: GDPR articles 13(2)(f), 21(4) and 22(3); contributions: Lundberg & Lee 2017, linear case
    (exact interventional Shapley values).
    """
    factors = _factors(choice, frozenset(sources), words) if choice.parts.names else ()
    if chosen is None:
        summary = _silence(choice, screened, situation)
    else:
        summary = _suggestion(choice, chosen, factors, seen=bool(sources))
    if degraded:
        summary = f"{summary} {DEGRADED}"
    return Explanation(
        explanation_id=identify(decision_id, "explanation", TEMPLATE),
        decision_id=decision_id,
        audience="customer",
        language="en",
        summary=summary,
        purposes=tuple([PURPOSE_WORDS[purpose] for purpose in purposes]),
        sources=tuple([SOURCE_WORDS[source] for source in sources]),
        top_factors=factors,
        why_not=_why_not(choice, screened),
        counterfactual=counterfactual,
        consent_counterfactual=consent_counterfactual,
        automated=True,
        rights=RIGHTS,
        template=TEMPLATE,
        worth=worth,
    )


@lru_cache(maxsize=1024)
def use(purpose: str, sources: tuple[str, ...]) -> str:
    """One purpose of a decision in a sentence: what it was for, which data it could use, and by what right.

    Example:
        >>> use("direct_marketing", ("app",))
        'For suggesting products to you we could use how you use our app: you agreed to that.'
    """
    data = _listed([SOURCE_WORDS[Source(source)] for source in sources])
    return f"For {PURPOSE_WORDS[Purpose(purpose)]} we could use {data}: you agreed to that."


def _factors(
    choice: Choice, given: frozenset[Source], words: Mapping[str, str]
) -> tuple[dict[str, Any], ...]:
    """The largest contributions of features whose source was given, and that have words."""
    told: list[dict[str, Any]] = []
    ranked = sorted(choice.contributions, key=lambda row: (-abs(row[2]), row[0]))
    for name, value, contribution in ranked:
        feature = name.split(CROSSED, 1)[0]
        # Data that is not given reads as the average customer: its term is no fact about this one.
        if SOURCE_OF.get(feature) not in given or feature not in words or contribution == 0:
            continue
        told.append(
            {
                "feature": name,
                "words": words[feature],
                "value": value,
                "direction": "for" if contribution > 0 else "against",
                "contribution": contribution,
            }
        )
    return tuple(told[:FACTORS_MAX])


def _suggestion(
    choice: Choice, chosen: Candidate, factors: tuple[dict[str, Any], ...], *, seen: bool
) -> str:
    parts = [f"We suggest «{chosen.item.title}»."]
    if chosen.item.kind is Kind.CONSENT_ASK:
        parts.append(ASKED_BESIDE if seen else ASKED_BLIND)
    elif chosen.signal is not None and chosen.words:
        parts.append(f"The reason: {_sentence(chosen.words)}")
    else:
        parts.append(_taste(chosen, factors))
    parts.append(_how(choice))
    return " ".join(part for part in parts if part)


def _taste(chosen: Candidate, factors: tuple[dict[str, Any], ...]) -> str:
    """Why an item that answers no signal is suggested: what spoke for it most, if anything may be named."""
    told = list(dict.fromkeys(f["words"] for f in factors if f["direction"] == "for"))
    if told:
        return f"What spoke for it most: {_listed(told[:FACTORS_TOLD])}."
    if chosen.proposed_by == "taste":
        if chosen.item.feature is not None:
            return "People who use what you use in the app often use this too."
        return "People with the same products as you often have this one too."
    return "It seems to go with what you do."


def _how(choice: Choice) -> str:
    """How the choice fell: by chance to learn, by vote, or by a fixed order."""
    if choice.arm == "explore":
        return "This was partly a trial: now and then we try something to learn what helps."
    if choice.arm == "control":
        return "It was drawn by chance from what was right for you, so that we can tell what helps."
    return _votes(choice)


def _votes(choice: Choice) -> str:
    if choice.voters <= 1:
        return ""
    return f"{choice.votes} of {choice.voters} plausible models agreed."


def _silence(choice: Choice, screened: Sequence[Screened], situation: Situation) -> str:
    """Why nothing was said."""
    if not screened:
        return "We said nothing: there was nothing worth saying at that moment."
    refusals = [s.refusal for s in screened if s.refusal is not None]
    if len(refusals) == len(screened):
        return _nothing_allowed(refusals, situation)
    if choice.arm in {"explore", "control"}:
        return f"We said nothing this time. {_how(choice)}"
    better = "We could have made a suggestion, but saying nothing seemed better for you."
    return " ".join(part for part in (better, _votes(choice)) if part)


def _nothing_allowed(refusals: Sequence[Verdict], situation: Situation) -> str:
    """Why nothing was allowed: the most fundamental reason first."""
    ruled = {refusal.rule: refusal.words for refusal in reversed(refusals)}
    if HOLDOUT_RULE in ruled:
        return f"We said nothing. {_sentence(ruled[HOLDOUT_RULE])}"
    if all(rule.startswith("contact.") for rule in ruled):
        return f"We said nothing, to leave you in peace. {_sentence(refusals[0].words)}"
    braking = [words for rule, words in ruled.items() if rule.startswith("vulnerability.")]
    if braking and braked(situation.customer, now_ms=situation.now_ms, readable=situation.readable):
        return f"We said nothing. {_sentence(braking[0])}"
    return f"We said nothing, as nothing that came to mind was right. {_sentence(_commonest(refusals))}"


def _commonest(refusals: Sequence[Verdict]) -> str:
    """The words of the most frequent refusal; of equals, the first."""
    return Counter(refusal.words for refusal in refusals).most_common(1)[0][0]


def _why_not(choice: Choice, screened: Sequence[Screened]) -> tuple[dict[str, str], ...]:
    """Allowed ones that were not chosen, best first, then the refused: at most eight of each."""
    scores = dict(zip(choice.actions, choice.scores, strict=True))
    passed = [
        s.candidate for s in screened if s.refusal is None and s.candidate.item.id != choice.action
    ]
    passed.sort(key=lambda c: (-scores.get(c.item.id, float("-inf")), c.item.id))
    words = _outranked(choice)
    told = [_row(c, OUTRANKED, words) for c in passed[:WHY_NOT_MAX]]
    refused = [s for s in screened if s.refusal is not None][:WHY_NOT_MAX]
    told += [_row(s.candidate, s.refusal.rule, s.refusal.words) for s in refused if s.refusal]
    return tuple(told)


def _outranked(choice: Choice) -> str:
    if choice.arm in {"explore", "control"}:
        return "It was right for you too, but the draw fell on something else."
    if choice.action == SILENCE:
        return "Saying nothing promised more for you."
    return "Another suggestion promised more for you."


def _row(candidate: Candidate, rule: str, words: str) -> dict[str, str]:
    return {
        "action": candidate.item.id,
        "title": candidate.item.title,
        "rule": rule,
        "words": words,
    }


def _sentence(words: str) -> str:
    """One sentence with its full stop and capital."""
    stripped = words.strip().rstrip(".")
    return f"{stripped[:1].upper()}{stripped[1:]}." if stripped else ""


def _listed(parts: Sequence[str]) -> str:
    """Parts as a list in words.

    Example:
        >>> _listed(["a"]), _listed(["a", "b", "c"])
        ('a', 'a, b and c')
    """
    *first, last = parts
    return f"{', '.join(first)} and {last}" if first else last
