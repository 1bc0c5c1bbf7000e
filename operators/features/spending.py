"""What money is spent on: a category from the merchant category code, else the method, else plain words.

Source: ISO 18245:2023 (merchant category codes), through `operators.merchants`.
"""

import re
from functools import lru_cache

from operators import merchants

CATEGORIES: tuple[str, ...] = (
    "groceries",
    "dining",
    "travel",
    "transport",
    "home",
    "utilities",
    "housing",
    "entertainment",
    "subscriptions",
    "shopping",
    "health",
    "education",
    "insurance",
    "debt",
    "savings",
    "tax",
    "fees",
    "cash",
    "other",
)
"""Every category, in the order that decayed sums are kept in."""
INDEX: dict[str, int] = {category: index for index, category in enumerate(CATEGORIES)}

_METHODS = {"fee": "fees", "cash": "cash"}
_WORDS = re.compile(
    r"(?P<housing>\b(?:rent|landlord|mortgage|miete|loyer|alquiler|affitto|hypothek)\b|landlord)"
    r"|(?P<debt>\b(?:loans?|lender|credit ?card|overdraft|instal?ments?|kredit|darlehen|uver)\b)"
    r"|(?P<insurance>\b(?:insurance|insurer|assurance|versicherung|seguro|pojistne)\b)"
    r"|(?P<savings>\b(?:savings?|pension|invest(?:ing|ments?)?|broker|isa|sparen)\b)"
    r"|(?P<utilities>\b(?:utility|utilities|energy|electric(?:ity)?|gas|water|telecom|mobile"
    r"|broadband|internet|council ?tax|sipo)\b)"
    r"|(?P<tax>\b(?:tax|hmrc|finanzamt|impots)\b)"
    r"|(?P<education>\b(?:tuition|university|school|nursery|childcare)\b)"
    r"|(?P<groceries>\b(?:grocer(?:y|ies|s)?|supermarket)\b)"
    r"|(?P<dining>\b(?:restaurant|cafe|coffee)\b)"
    r"|(?P<subscriptions>\b(?:subscription|membership|gym|streaming)\b)"
)
_SEPARATORS = str.maketrans("_.:-", "    ")


def of_code(mcc: str) -> str:
    """The category of a merchant category code: the middle level of `operators.merchants`.

    Example:
        >>> of_code("5411"), of_code("3005"), of_code("6513"), of_code("9999")
        ('groceries', 'travel', 'housing', 'other')
    """
    return merchants.of_code(mcc).category


@lru_cache(maxsize=8192)
def category_of(
    mcc: str | None,
    method: str,
    merchant: str | None = None,
    reference: str | None = None,
    counterparty: str | None = None,
) -> str:
    """The category of a movement; what the code leaves open, the payer's own words may tell.

    Example:
        >>> category_of("5812", "card"), category_of(None, "fee")
        ('dining', 'fees')
        >>> category_of(None, "standing_order", None, "Rent March")
        'housing'
        >>> category_of(None, "direct_debit", None, None, "utility-1")
        'utilities'
    """
    if method in _METHODS:
        return _METHODS[method]
    if mcc is not None:
        category = of_code(mcc)
        if category != "other":
            return category
    text = f"{reference or ''} {merchant or ''} {counterparty or ''}".lower().translate(_SEPARATORS)
    found = _WORDS.search(text)
    return found.lastgroup if found is not None and found.lastgroup is not None else "other"
