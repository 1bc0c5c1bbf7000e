"""Takes personal data out of a text before any model reads it.

Stage: 3 of 8. In: what the customer wrote. Out: the same with placeholders such as ``[IBAN]``.

Rules of form, with checksums where there are any, so that the amounts and dates of a complaint stay
readable. What can't be told from an account number is taken out. Names go only where the words around
them introduce one: a list of names would take «Mark» and «Grace» for people everywhere.
"""

import re
from collections.abc import Callable, Iterator

PAN_DIGITS = range(13, 20)
NUMBER_DIGITS_MIN = 7
"""An unbroken run of so many digits names something (an account, a reference); a price is shorter."""
MOD_97_VALID = 1

IBAN_LENGTHS: dict[str, int] = {
    country: length
    for length, countries in {
        15: "NO",
        16: "BE",
        18: "DK FI FO GL NL SD",
        19: "MK SI",
        20: "AT BA EE KZ LT LU MN XK",
        21: "CH HR LI LV",
        22: "BG BH CR DE GB GE IE ME RS VA",
        23: "AE GI IL IQ OM SO TL",
        24: "AD CZ ES MD PK RO SA SE SK TN VG",
        25: "LY PT ST",
        26: "IS TR",
        27: "BI DJ FR GR IT MC MR SM",
        28: "AL AZ BY CY DO GT HN HU LB NI PL SV",
        29: "BR EG PS QA UA",
        30: "JO KW MU YE",
        31: "MT SC",
        32: "LC",
        33: "RU",
    }.items()
    for country in countries.split()
}
"""Characters of an IBAN by country (ISO 13616, SWIFT registry)."""

_GAP = " \u00a0\u2009.\u2010-\u2015-"
_IBAN_START = re.compile(r"[A-Za-z]{2}\d{2}")
_GROUPS = re.compile(rf"\d+(?:[{_GAP}]{{1,2}}\d+)+")
_DIGITS = re.compile(r"\d+")
_NAME = r"[A-Z](?:['\u2019][A-Z])?[a-z\u00df-\u00ff]+(?:['\u2019-][A-Z]?[a-z\u00df-\u00ff]+)?"
_NAMES = rf"{_NAME}(?:[ ]{_NAME}){{0,2}}"
_ANY_NAME = r"[A-Za-z\u00c0-\u00ff'\u2019-]+"
_NOT_A_NAME = (
    r"(?!(?:a|about|account|an|and|as|at|because|but|calling|for|from|here|how|i|in|is|it|missing|my|not"
    r"|of|on|or|please|so|spelled|spelt|still|that|the|then|there|to|was|what|when|which|who|why|with"
    r"|wrong|you|your)\b)"
)

Rule = tuple[re.Pattern[str], str]

TEXT_RULES: tuple[Rule, ...] = (
    (re.compile(r"(?:https?://|www\.)[^\s<>\"')\[\]]+", re.IGNORECASE), "[URL]"),
    (re.compile(r"[\w.+%'-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,4}"), "[EMAIL]"),
    (
        re.compile(
            rf"(?P<keep>\b(?:my|full|first|last) name(?:'s|\u2019s| is|:)[ ]{{1,2}}|\bname:[ ]?)"
            rf"{_NOT_A_NAME}{_ANY_NAME}(?:[ ]{_NOT_A_NAME}{_ANY_NAME}){{0,3}}",
            re.IGNORECASE,
        ),
        "[NAME]",
    ),
    (
        re.compile(
            rf"(?P<keep>\b(?:I['\u2019]m|I am|[Cc]all me) ){_NAMES}"
            r"(?=[ ]?(?:[,.!?;:\n]|$|(?:and|from|calling|writing|here|speaking|with|who)\b))"
        ),
        "[NAME]",
    ),
    (
        re.compile(
            rf"(?P<keep>\b[Tt]his is ){_NAMES}(?=,? (?:speaking|calling|writing|from|here)\b)"
        ),
        "[NAME]",
    ),
    (re.compile(rf"(?P<keep>\b(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof)\.? ){_NAMES}"), "[NAME]"),
    (
        re.compile(
            rf"(?P<keep>\b(?:[Dd]ear|[Hh]i|[Hh]ello|[Hh]ey) )"
            rf"(?!(?:All|Bank|Customer|Everyone|Folks|Guys|Madam|Sir|Support|Team|There)\b){_NAMES}(?=\W|$)"
        ),
        "[NAME]",
    ),
    (
        re.compile(
            rf"(?P<keep>\b(?:[Rr]egards|[Ss]incerely|[Ff]aithfully|[Ww]ishes|[Cc]heers|[Tt]hanks)"
            rf"[,.]?\s+){_NAMES}(?=[\s.]*$)"
        ),
        "[NAME]",
    ),
)
"""Rules for what needs no digit; ``keep`` is what introduces the secret and stays."""

DIGIT_RULES: tuple[Rule, ...] = (
    (
        re.compile(rf"(?<!\d)\d{{4}}(?:[{_GAP}]\d{{4}}){{2}}[{_GAP}]\d{{1,7}}(?!\d)"),
        "[CARD]",
    ),
    (re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)"), "[ID]"),
    (
        re.compile(r"\b[A-CEGHJ-PR-TW-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D]\b", re.IGNORECASE),
        "[ID]",
    ),
    (
        re.compile(
            r"(?P<keep>\b(?:born(?: on)?(?: the)?|d\.?o\.?b\.?|date of birth|birthday)(?: is| was)?[: ]{1,2})"
            r"(?:\d{1,4}(?:st|nd|rd|th)?(?: of)?[ /.-]){0,2}(?:[A-Za-z]{3,9},?[ ])?(?:\d{1,2}(?:st|nd|rd|th)?,?[ ])?\d{1,4}(?!\w)",
            re.IGNORECASE,
        ),
        "[DATE]",
    ),
    (
        re.compile(r"(?:\+|(?<!\w)00)[ ]?\d(?:[ \u00a0().-]{0,2}\d){7,14}(?!\d)"),
        "[PHONE]",
    ),
    (
        re.compile(
            r"(?<!\w)\(?0\d{2,4}\)?[ \u00a0.-]{0,2}\d{3,4}[ \u00a0.-]?\d{3,4}(?!\w)"
            r"|(?<!\w)\(?\d{3}\)?[ \u00a0.-]\d{3}[ \u00a0.-]\d{4}(?!\w)"
        ),
        "[PHONE]",
    ),
    (
        re.compile(
            r"(?P<keep>\b(?:(?:account|acct|a/c|card|customer|member|policy|reference|ref)"
            r"(?: (?:is |was )?(?:numbers?|no\.?|num|id|ending|ends|digits|#)){1,2}"
            r"|ssn|social security|sort code|pin|passcode|cvv|cvc|security code|passport|last (?:four|4))"
            r"(?: (?:number|no\.?|digits|code|is|was|in|with|of|ssn|only|ending|account|card|on)){0,4}[:# ]{1,2})"
            r"\d[\d -]{1,20}(?<=\d)",
            re.IGNORECASE,
        ),
        "[NUMBER]",
    ),
    (re.compile(r"\b[A-Z]{1,2}\d[A-Z\d]? ?\d[A-Z]{2}\b"), "[POSTCODE]"),
)
"""Rules for what has a digit in it, tried after the checksums."""


def mask(text: str) -> str:
    """A text without the personal data that its form gives away.

    Applied until nothing changes, so masking twice is masking once. It ends: each change turns
    characters outside placeholders into a placeholder, and no rule matches inside one.

    Example:
        >>> mask("I'm Jane Doe, jane@doe.org, +44 7700 900123. Pay £250 to GB82 WEST 1234 5698 7654 32!")
        "I'm [NAME], [EMAIL], [PHONE]. Pay £250 to [IBAN]!"
        >>> mask("card 4111 1111 1111 1111 was charged 19.99 twice on 12/05/2025")
        'card [CARD] was charged 19.99 twice on 12/05/2025'

    Source: ISO 13616 (IBAN), ISO 7064 (mod 97-10), ISO/IEC 7812-1 (Luhn); GDPR article 5(1)(c).
    """
    while True:
        masked = _once(text)
        if masked == text:
            return masked
        text = masked


def _once(text: str) -> str:
    for pattern, placeholder in TEXT_RULES:
        text = pattern.sub(_placing(placeholder), text)
    if _DIGITS.search(text) is None:
        return text
    text = _replaced(text, _ibans(text), "[IBAN]")
    text = _replaced(text, _cards(text), "[CARD]")
    for pattern, placeholder in DIGIT_RULES:
        text = pattern.sub(_placing(placeholder), text)
    long = (m.span() for m in _DIGITS.finditer(text) if len(m[0]) >= NUMBER_DIGITS_MIN)
    return _replaced(text, long, "[NUMBER]")


def _placing(placeholder: str) -> Callable[[re.Match[str]], str]:
    def place(match: re.Match[str]) -> str:
        return (match.groupdict().get("keep") or "") + placeholder

    return place


def _replaced(text: str, spans: Iterator[tuple[int, int]], placeholder: str) -> str:
    """The text with spans (in order, apart from each other) replaced."""
    made, done = [], 0
    for start, end in spans:
        made += [text[done:start], placeholder]
        done = end
    return "".join((*made, text[done:]))


def _ibans(text: str) -> Iterator[tuple[int, int]]:
    """Spans of valid IBANs: anywhere, in any grouping, whatever stands next to them."""
    done = 0
    for start in _IBAN_START.finditer(text):
        length = IBAN_LENGTHS.get(start[0][:2].upper())
        if start.start() < done or length is None:
            continue
        taken, at = "", start.start()
        while at < len(text) and len(taken) < length:
            character = text[at]
            if character.isascii() and character.isalnum():
                taken += character
            elif character not in _GAP or not taken or text[at - 1] in _GAP:
                break
            at += 1
        if len(taken) == length and iban_valid(taken):
            yield start.start(), at
            done = at


def _cards(text: str) -> Iterator[tuple[int, int]]:
    """Spans of digit groups that make a valid card number; the longest from each first group."""
    for run in _GROUPS.finditer(text):
        groups = [(m.start() + run.start(), m[0]) for m in _DIGITS.finditer(run[0])]
        first = 0
        while first < len(groups):
            digits, found = "", None
            for index in range(first, len(groups)):
                digits += groups[index][1]
                if len(digits) >= PAN_DIGITS.stop:
                    break
                if len(digits) in PAN_DIGITS and luhn_valid(digits):
                    found = index
            if found is None:
                first += 1
                continue
            yield groups[first][0], groups[found][0] + len(groups[found][1])
            first = found + 1


def iban_valid(iban: str) -> bool:
    """Whether the check digits of an IBAN (no spaces, any case) hold.

    Example:
        >>> iban_valid("GB82WEST12345698765432"), iban_valid("GB83WEST12345698765432")
        (True, False)

    Source: ISO 13616-1, ISO 7064 mod 97-10.
    """
    turned = iban[4:] + iban[:4]
    return int("".join(str(int(c, 36)) for c in turned)) % 97 == MOD_97_VALID


def luhn_valid(digits: str) -> bool:
    """Whether the check digit of a card number holds.

    Example:
        >>> luhn_valid("4111111111111111"), luhn_valid("4111111111111112")
        (True, False)

    Source: ISO/IEC 7812-1, annex B.
    """
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value // 10 + value % 10
    return total % 10 == 0
