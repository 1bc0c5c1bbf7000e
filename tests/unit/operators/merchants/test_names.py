"""Names out of what terminals print."""

import pytest

from operators.merchants import normalised, understand


@pytest.mark.parametrize(
    ("printed", "name"),
    [
        ("TESCO STORES 3021 LONDON GB", "tesco"),
        ("Tesco Express 5512", "tesco"),
        ("AMZN Mktp DE*2H4RT6", "amazon"),
        ("Amazon.co.uk*MK1234", "amazon"),
        ("SQ *BLUE BOTTLE COFFEE 0123", "blue bottle coffee"),
        ("SumUp  *Café Möhre", "cafe mohre"),
        ("PAYPAL *SPOTIFYUK 35314369001 GB", "spotifyuk"),
        ("UBER   *TRIP HELP.UBER.COM", "uber"),
        ("UBER *EATS", "uber"),
        ("WWW.NETFLIX.COM", "netflix"),
        ("CARD PURCHASE 12.03.24 REWE SAGT DANKE 4711", "rewe"),
        ("fraud_Kirlin and Sons", "kirlin and sons"),
        ("McDonald's 1042", "mcdonalds"),
        ("DB Vertrieb GmbH", "deutsche bahn"),
        ("CO-OP GROUP 070123", "co op group"),
        ("Müller GmbH & Co. KG", "muller"),
        ("7-ELEVEN 21", "eleven"),
        ("SHELLFISH BAR", "shellfish bar"),
        ("123456", ""),
        ("", ""),
        ("株式会社", ""),
    ],
)
def test_normalised(printed: str, name: str) -> None:
    """Payment services, shop numbers, dates, places and legal forms fall away."""
    assert normalised(printed) == name


def test_normalising_is_stable() -> None:
    """A name that is clean stays as it is."""
    for printed in ("TESCO STORES 3021", "SQ *BLUE BOTTLE COFFEE 0123", "Müller GmbH & Co. KG"):
        once = normalised(printed)
        assert normalised(once) == once


def test_understand_tells_all_three() -> None:
    """Name, place, and what it reveals, from one question."""
    merchant = understand("5912", "BOOTS 1234 LONDON")
    assert (merchant.name, merchant.spending.detail, merchant.special) == (
        "boots",
        "pharmacies",
        "health",
    )
