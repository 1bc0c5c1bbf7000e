"""Merchant names out of what card terminals print: prefixes of payment services, shop numbers and places fall away."""

import re
import unicodedata
from functools import lru_cache

NAME_CHARACTERS_MAX = 32

_PREFIX = re.compile(
    r"^(?:fraud_"  # the Sparkov generator's own mark
    r"|(?:sq|sp|sqc|tst|iz|py|pp|ppl|cko|crv|stripe|sumup|zettle|izettle|paypal|klarna|adyen|worldpay|dojo"
    r"|gocardless|lsp|ptp|wl|evo|nyx|mollie|revolut|shopify|toast|clover|ddva)(?:\s*[*_]\s*|-{2,}\s*)"
    r"|(?:pos|visa|mastercard|maestro|girocard|debit|credit|card|contactless|purchase|payment|kartenzahlung"
    r"|lastschrift|sepa|achat|cb|carte|compra|pago|tarjeta|acquisto|recurring|checkcard|zahlung|ecom"
    r"|chip|apple\s?pay|google\s?pay|to|at|in|on)\b[\s:*/-]+)",
)
_DATE = re.compile(r"\b\d{1,4}[./-]\d{1,2}(?:[./-]\d{1,4})?\b|\b\d{1,2}:\d{2}(?::\d{2})?\b")
_AFTER_STAR = re.compile(r"\*.*$")
_DOMAIN = re.compile(
    r"\b(?:https?://)?(?:www\.)?([a-z0-9-]{2,})\.(?:com?|net|org|io|app|eu|de|fr|nl|it|es|uk|ie|at|ch)"
    r"(?:\.[a-z]{2})?(?:/\S*)?\b"
)
_NUMBERED = re.compile(
    r"#\s?\w*\d\w*|\b(?:no|nr|str|store|shop|filiale|branch|unit)\.?\s?\d+\b|\b\w*\d\w*\b"
)
_NOT_A_LETTER = re.compile(r"[^a-z]+")


def _words(text: str) -> list[str]:
    return text.split()


_LEGAL = frozenset(
    _words("""
    ltd limited plc inc corp corporation llc llp co gmbh ag kg ohg mbh ug se sa sas sarl sarlu
    bv nv vof spa srl sl ab as oy oyj aps pty pte sp zoo sro kft
""")
)
_PLACES = frozenset(
    _words("""
    gb gbr uk us usa de deu fr fra nl nld ie irl it ita es esp ch che at aut be bel pl pol cz
    cze lu lux pt prt dk dnk se swe no nor fi fin london berlin paris madrid dublin amsterdam
    vienna wien munich munchen hamburg manchester
""")
)
_ALIASES: tuple[tuple[str, str], ...] = (
    ("amzn", "amazon"),
    ("amazon", "amazon"),
    ("mcdonald", "mcdonalds"),
    ("mc donald", "mcdonalds"),
    ("wm supercenter", "walmart"),
    ("wal mart", "walmart"),
    ("walmart", "walmart"),
    ("sainsbury", "sainsburys"),
    ("tesco", "tesco"),
    ("lidl", "lidl"),
    ("aldi", "aldi"),
    ("rewe", "rewe"),
    ("edeka", "edeka"),
    ("carrefour", "carrefour"),
    ("starbucks", "starbucks"),
    ("netflix", "netflix"),
    ("spotify", "spotify"),
    ("uber eats", "uber eats"),
    ("ubereats", "uber eats"),
    ("uber", "uber"),
    ("lyft", "lyft"),
    ("ryanair", "ryanair"),
    ("easyjet", "easyjet"),
    ("apple", "apple"),
    ("itunes", "apple"),
    ("google", "google"),
    ("microsoft", "microsoft"),
    ("msft", "microsoft"),
    ("shell", "shell"),
    ("tfl travel", "tfl"),
    ("transport for london", "tfl"),
    ("deutsche bahn", "deutsche bahn"),
    ("db vertrieb", "deutsche bahn"),
    ("ikea", "ikea"),
    ("airbnb", "airbnb"),
    ("booking", "booking"),
    ("paypal", "paypal"),
)  # fmt: skip
"""Beginning of a cleaned name → the name that people know. The first that fits wins."""


@lru_cache(maxsize=16384)
def normalised(raw: str) -> str:
    """One stable lower-case name, at most `NAME_CHARACTERS_MAX` long; empty when nothing of a name is left.

    Example:
        >>> normalised("SQ *BLUE BOTTLE COFFEE 0123"), normalised("TESCO STORES 3021 LONDON GB")
        ('blue bottle coffee', 'tesco')
        >>> normalised("AMZN Mktp UK*2H4RT6 AMZN.CO.UK"), normalised("PAYPAL *SPOTIFY 35314369001")
        ('amazon', 'spotify')
        >>> normalised("Café Zürich GmbH"), normalised("POS 12.03. 0815")
        ('cafe zurich', '')
    """
    text = unicodedata.normalize("NFKD", raw).encode("ascii", "ignore").decode().lower().strip()
    while True:
        shorter = _PREFIX.sub("", text, count=1)
        if shorter == text or not shorter.strip():
            break
        text = shorter.strip()
    text = _DATE.sub(" ", text)
    shorter = _AFTER_STAR.sub(" ", text)
    text = shorter if shorter.strip() else text
    text = _DOMAIN.sub(r"\1", text)
    text = _NUMBERED.sub(" ", text)
    words = _NOT_A_LETTER.sub(" ", text.replace("'", "")).split()
    return _known(_bare(words))[:NAME_CHARACTERS_MAX].strip()


def _bare(words: list[str]) -> str:
    """Without legal forms and places at the end; a first word always stays."""
    while len(words) > 1 and (words[-1] in _LEGAL or words[-1] in _PLACES):
        words = words[:-1]
    return " ".join(words)


def _known(name: str) -> str:
    for beginning, known in _ALIASES:
        if name == beginning or name.startswith((beginning + " ", beginning + "s ")):
            return known
        if name.startswith(beginning) and known.startswith(name):
            return known
    return name
