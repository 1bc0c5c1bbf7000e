"""What money is spent on: a category from the merchant category code, else the method, else plain words.

Source: ISO 18245:2023 (merchant category codes), ranges as card schemes publish them.
"""

import re
from bisect import bisect_right
from functools import lru_cache

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

_RANGES: tuple[tuple[int, int, str], ...] = (
    (742, 742, "health"),
    (1520, 1799, "home"),
    (3000, 3350, "travel"),
    (3351, 3500, "travel"),
    (3501, 3999, "travel"),
    (4011, 4011, "travel"),
    (4111, 4131, "transport"),
    (4214, 4214, "home"),
    (4411, 4411, "travel"),
    (4457, 4468, "travel"),
    (4511, 4511, "travel"),
    (4582, 4582, "travel"),
    (4722, 4723, "travel"),
    (4784, 4789, "transport"),
    (4812, 4816, "utilities"),
    (4829, 4829, "other"),
    (4899, 4899, "subscriptions"),
    (4900, 4900, "utilities"),
    (5013, 5013, "transport"),
    (5200, 5261, "home"),
    (5300, 5399, "groceries"),
    (5411, 5499, "groceries"),
    (5511, 5599, "transport"),
    (5611, 5699, "shopping"),
    (5712, 5722, "home"),
    (5732, 5735, "shopping"),
    (5811, 5814, "dining"),
    (5815, 5818, "subscriptions"),
    (5912, 5912, "health"),
    (5921, 5921, "groceries"),
    (5931, 5967, "shopping"),
    (5968, 5968, "subscriptions"),
    (5969, 5975, "shopping"),
    (5976, 5976, "health"),
    (5977, 5999, "shopping"),
    (6010, 6011, "cash"),
    (6012, 6012, "debt"),
    (6211, 6211, "savings"),
    (6300, 6300, "insurance"),
    (6513, 6513, "housing"),
    (7011, 7033, "travel"),
    (7210, 7299, "home"),
    (7512, 7519, "travel"),
    (7523, 7549, "transport"),
    (7622, 7699, "home"),
    (7800, 7841, "entertainment"),
    (7911, 7996, "entertainment"),
    (7997, 7997, "subscriptions"),
    (7998, 7999, "entertainment"),
    (8011, 8099, "health"),
    (8211, 8351, "education"),
    (9211, 9222, "tax"),
    (9311, 9399, "tax"),
)
_STARTS = tuple(first for first, _, _ in _RANGES)
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
    """The category of a merchant category code.

    Example:
        >>> of_code("5411"), of_code("3005"), of_code("6513"), of_code("9999")
        ('groceries', 'travel', 'housing', 'other')
    """
    code = int(mcc)
    index = bisect_right(_STARTS, code) - 1
    if index >= 0:
        _, last, category = _RANGES[index]
        if code <= last:
            return category
    return "other"


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
