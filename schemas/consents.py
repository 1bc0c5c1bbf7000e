"""The words of consent: data categories, what DPV calls things, who the controller is.

A source is where data comes from; a category is a part of it that consent may be limited to. Each event
kind with data belongs to one category.
"""

from enum import StrEnum
from typing import Annotated

from pydantic import Field, StringConstraints

from schemas.base import Country, Shape, Source

Line = Annotated[str, StringConstraints(min_length=1, max_length=300)]


class Category(StrEnum):
    """A part of a source that consent may be limited to, each mapped to a W3C DPV-PD term."""

    PAYMENTS = "payments"
    APP_USE = "app_use"
    APP_SEARCHES = "app_searches"
    EXTERNAL_BALANCES = "external_balances"
    EXTERNAL_PAYMENTS = "external_payments"
    PLACES = "places"
    LIFE = "life"
    CONVERSATIONS = "conversations"
    DEMOGRAPHICS = "demographics"
    HOLDINGS = "holdings"


CATEGORY_TERMS: dict[Category, str] = {
    Category.PAYMENTS: "pd:Transactional",
    Category.APP_USE: "pd:Behavioral",
    Category.APP_SEARCHES: "pd:Interest",
    Category.EXTERNAL_BALANCES: "pd:FinancialAccount",
    Category.EXTERNAL_PAYMENTS: "pd:Transactional",
    Category.PLACES: "pd:Location",
    Category.LIFE: "pd:LifeHistory",
    Category.CONVERSATIONS: "pd:Communication",
    Category.DEMOGRAPHICS: "pd:Demographic",
    Category.HOLDINGS: "pd:Ownership",
}
"""Source: W3C Data Privacy Vocabulary, Personal Data extension, version 2."""
CATEGORIES: dict[Source, frozenset[Category]] = {
    Source.TRANSACTIONS: frozenset({Category.PAYMENTS}),
    Source.APP: frozenset({Category.APP_USE, Category.APP_SEARCHES}),
    Source.OPEN_BANKING: frozenset({Category.EXTERNAL_BALANCES, Category.EXTERNAL_PAYMENTS}),
    Source.LOCATION: frozenset({Category.PLACES}),
    Source.LIFE_EVENTS: frozenset({Category.LIFE}),
    Source.MESSAGES: frozenset({Category.CONVERSATIONS}),
    Source.PROFILE: frozenset({Category.DEMOGRAPHICS, Category.HOLDINGS}),
}
"""The categories of each data source."""
_OF_KIND: dict[str, Category] = {
    "app.searched": Category.APP_SEARCHES,
    "openbanking.transaction": Category.EXTERNAL_PAYMENTS,
    "product.opened": Category.HOLDINGS,
    "product.closed": Category.HOLDINGS,
}
_OF_SOURCE: dict[Source, Category] = {
    Source.TRANSACTIONS: Category.PAYMENTS,
    Source.APP: Category.APP_USE,
    Source.OPEN_BANKING: Category.EXTERNAL_BALANCES,
    Source.LOCATION: Category.PLACES,
    Source.LIFE_EVENTS: Category.LIFE,
    Source.MESSAGES: Category.CONVERSATIONS,
    Source.PROFILE: Category.DEMOGRAPHICS,
}


def category_of(kind: str, source: Source) -> Category:
    """The category of the data in an event.

    Example:
        >>> category_of("app.searched", Source.APP).value, category_of("app.opened", Source.APP).value
        ('app_searches', 'app_use')
    """
    return _OF_KIND.get(kind) or _OF_SOURCE[source]


class Controller(Shape):
    """Who answers for the data, as a consent record names them (ISO/IEC TS 27560 party fields)."""

    id: Line = "https://bank.example/"
    name: Line = "Example Bank"
    address: Line = "1 Example Street, Dublin, Ireland"
    contact: Line = "mailto:privacy@bank.example"
    authority: Line = "https://www.dataprotection.ie/"
    jurisdiction: Country = "IE"
    storage_location: Country = "IE"
    retention: Line = "until consent ends; decisions that rest on it: 13 months"
    recipients: Annotated[tuple[Line, ...], Field(strict=False)] = ()
    notice_uri: Line = "https://bank.example/privacy"
    withdrawal: Line = "https://bank.example/app/privacy"
    rights: Line = "https://bank.example/privacy#rights"
