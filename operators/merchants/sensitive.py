"""What a merchant or a payment's words reveal of a special category, and the fence before it.

By default such a payment is folded as an amount of money and nothing more: neither its code, nor whom it was
paid to, nor its words are stored or used. A consent that names the category lifts the fence.

Source: GDPR articles 9(1) and 9(2)(a); CJEU C-184/20 (what reveals indirectly reveals).
"""

import re
from functools import lru_cache

from operators.merchants.taxonomy import special_of_code
from schemas.base import SpecialCategory
from schemas.events import (
    EventBase,
    ExternalTransaction,
    TransactionBooked,
    TransactionPending,
)

_WORDS = re.compile(
    r"(?P<union>\b(?:trade union|labou?r union|unite the union|unison|gmb union|usdaw|ver\.?di|ig metall|igbce"
    r"|gewerkschaft\w*|syndicat\w*|sindacat\w*|sindicato|cgil|cisl|ccoo|cfdt|cgt|nasuwt|neu union|teamsters"
    r"|afl cio|seiu|afscme|odbor\w*|union (?:dues|subs|subscription|membership))\b)"
    r"|(?P<religion>\b(?:church\w*|chapel|cathedral|parish|diocese|mosque|masjid|synagogue|gurdwara|mandir"
    r"|kirche\w*|kirchensteuer|pfarr\w*|eglise|paroisse|moschee|iglesia|parroquia|chiesa|tithe|zakat"
    r"|ministries|jehovah\w*|islamic (?:relief|centre|center)|bible)\b)"
    r"|(?P<politics>\b(?:(?:labour|conservative|green|liberal|socialist|communist|democratic|republican) party"
    r"|democrats|partei\w*|spd|cdu|csu|afd|parti socialiste|partido|partito|actblue|winred|party membership"
    r"|election campaign)\b)"
    r"|(?P<sex_life>\b(?:escort\w*|sex ?shop\w*|erotic\w*|erotik\w*|brothel|bordell|strip ?club|only ?fans"
    r"|porn\w*|tinder|grindr|bumble|dating|ann summers|lovehoney|beate uhse)\b)"
    r"|(?P<health>\b(?:pharma(?:cy|cie|cia)|chemists?|apothek\w*|farmaci?a|lekarna|hospital\w*|clinic\w*|klinik\w*"
    r"|krankenhaus|dentist\w*|dental|zahnarzt\w*|arzt\w*|doctors?|surgery|medical|physio\w*|psycho(?:log|ther)\w*"
    r"|therap(?:y|ist|ie)|fertility|oncolog\w*|rehab|hospice|optician\w*|optiker)\b)",
    re.IGNORECASE,
)  # fmt: skip
_HARMLESS = re.compile(
    r"\b(?:church(?:ill|'s| chicken| street| road| lane)|therapy dog|doctor who|credit union|western union)\b",
    re.IGNORECASE,
)
_SEPARATORS = str.maketrans("_.:-*/", "      ")

_Movement = TransactionBooked | TransactionPending | ExternalTransaction


@lru_cache(maxsize=16384)
def reveals(
    mcc: str | None,
    merchant: str | None = None,
    reference: str | None = None,
    counterparty: str | None = None,
) -> SpecialCategory | None:
    """The special category that a payment reveals, None for none: its code first, then its words.

    Example:
        >>> reveals("5411", "St Mary's Church fete")
        <SpecialCategory.RELIGION: 'religion'>
        >>> reveals("8062"), reveals(None, "Western Union")
        (<SpecialCategory.HEALTH: 'health'>, None)
    """
    if mcc is not None:
        special = special_of_code(mcc)
        if special is not None:
            return special
    text = " ".join(part for part in (merchant, reference, counterparty) if part)
    found = _WORDS.search(_HARMLESS.sub(" ", text.translate(_SEPARATORS))) if text else None
    return SpecialCategory(found.lastgroup) if found is not None and found.lastgroup else None


def revealed(event: EventBase) -> SpecialCategory | None:
    """The special category that an event reveals; only movements of money do."""
    if not isinstance(event, _Movement):
        return None
    return reveals(event.mcc, event.merchant, event.reference, event.counterparty)


def fenced(event: EventBase) -> EventBase:
    """A movement of money without what reveals anything.

    Account, amount, currency, time, method and ids stay: balances and counts remain exact.
    """
    hidden = {"mcc": None, "merchant": None, "reference": None, "counterparty": None}
    return event.model_copy(update=hidden)
