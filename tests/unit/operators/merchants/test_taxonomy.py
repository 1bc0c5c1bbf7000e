"""Merchant category codes stand somewhere, and what they reveal is known."""

import pytest

from operators.features.spending import CATEGORIES
from operators.merchants import FAMILY_OF, UNKNOWN, of_code, reveals
from schemas.base import SpecialCategory

ASSIGNED = """
0742 0743 0744 0763 0780 1520 1711 1731 1740 1750 1761 1771 1799 2741 2791 2842 4011 4111 4112 4119 4121 4131
4214 4215 4225 4411 4457 4468 4511 4582 4722 4784 4789 4812 4814 4815 4816 4821 4829 4899 4900 5013 5021 5039
5044 5045 5046 5047 5051 5065 5072 5074 5085 5094 5099 5111 5122 5131 5137 5139 5169 5172 5192 5193 5198 5199
5200 5211 5231 5251 5261 5271 5300 5309 5310 5311 5331 5399 5411 5422 5441 5451 5462 5499 5511 5521 5531 5532
5533 5541 5542 5551 5561 5571 5592 5598 5599 5611 5621 5631 5641 5651 5655 5661 5681 5691 5697 5698 5699 5712
5713 5714 5715 5718 5719 5722 5732 5733 5734 5735 5811 5812 5813 5814 5815 5816 5817 5818 5912 5921 5931 5932
5933 5935 5937 5940 5941 5942 5943 5944 5945 5946 5947 5948 5949 5950 5960 5962 5963 5964 5965 5966 5967 5968
5969 5970 5971 5972 5973 5975 5976 5977 5978 5983 5992 5993 5994 5995 5996 5997 5998 5999 6010 6011 6012 6051
6211 6300 6513 7011 7012 7032 7033 7210 7211 7216 7217 7221 7230 7251 7261 7273 7276 7277 7278 7296 7297 7298
7299 7311 7321 7322 7333 7338 7339 7342 7349 7361 7372 7375 7379 7392 7393 7394 7395 7399 7512 7513 7519 7523
7531 7534 7535 7538 7542 7549 7622 7623 7629 7631 7641 7692 7699 7829 7832 7841 7911 7922 7929 7932 7933 7941
7991 7992 7993 7994 7995 7996 7997 7998 7999 8011 8021 8031 8041 8042 8043 8049 8050 8062 8071 8099 8111 8211
8220 8241 8244 8249 8299 8351 8398 8641 8651 8661 8675 8699 8734 8911 8931 8999 9211 9222 9223 9311 9399 9402
"""


def test_every_assigned_code_has_a_place() -> None:
    """The codes of ISO 18245, and all that airlines, car-hire firms and hotels own."""
    codes = [*ASSIGNED.split(), *(str(code) for code in range(3000, 4000))]
    assert [code for code in codes if of_code(code) == UNKNOWN] == []


def test_levels_fit_together() -> None:
    """Every category has a family, and the categories are those that sums are kept by."""
    assert set(FAMILY_OF) == set(CATEGORIES)
    places = {of_code(f"{code:04}") for code in range(10_000)}
    assert len({place.detail for place in places}) >= 85
    assert all(FAMILY_OF[place.category] == place.family for place in places)


@pytest.mark.parametrize(
    ("code", "special"),
    [
        ("8062", SpecialCategory.HEALTH),
        ("5912", SpecialCategory.HEALTH),
        ("8661", SpecialCategory.RELIGION),
        ("8651", SpecialCategory.POLITICS),
        ("8699", SpecialCategory.UNION),
        ("7273", SpecialCategory.SEX_LIFE),
        ("0742", None),
        ("5411", None),
        ("7995", None),
    ],
)
def test_what_a_code_reveals(code: str, special: SpecialCategory | None) -> None:
    """A vet and a betting shop are private matters, but no special category."""
    assert reveals(code) is special


@pytest.mark.parametrize(
    ("words", "special"),
    [
        ("APOTHEKE AM MARKT", SpecialCategory.HEALTH),
        ("IG Metall Beitrag", SpecialCategory.UNION),
        ("Labour Party membership", SpecialCategory.POLITICS),
        ("Katholische Kirchensteuer", SpecialCategory.RELIGION),
        ("GRINDR LLC", SpecialCategory.SEX_LIFE),
        ("Navy Federal Credit Union", None),
        ("WESTERN UNION", None),
        ("Churchill Insurance", None),
        ("Rent March", None),
        ("Union Jack Books", None),
    ],
)
def test_what_words_reveal(words: str, special: SpecialCategory | None) -> None:
    """Words tell what no code does, and common names that only sound so are let be."""
    assert reveals(None, words) is special
    assert reveals(None, None, words) is special
