"""Masking: what identifies a person goes, what tells the matter stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.nlu.masking import IBAN_LENGTHS, iban_valid, luhn_valid, mask

PIECES = [
    "I was charged 19.99 on 12/05/2025",
    "my name is Jane Doe",
    "I'm Tom, call 07700 900123",
    "jane@doe.org",
    "https://bank.example/x?id=4",
    "account number 8990",
    "4111 1111 1111 1111",
    "GB82 WEST 1234 5698 7654 32",
    "born on 12 March 1985",
    "[NAME]",
    "Regards,\nAnn Smith",
    "SW1A 1AA",
]


@st.composite
def ibans(draw: st.DrawFn) -> str:
    """A valid IBAN of any country."""
    country = draw(st.sampled_from(sorted(IBAN_LENGTHS)))
    size = IBAN_LENGTHS[country] - 4
    account = draw(st.text("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", min_size=size, max_size=size))
    turned = int("".join(str(int(c, 36)) for c in f"{account}{country}00"))
    return f"{country}{98 - turned % 97:02d}{account}"


@st.composite
def cards(draw: st.DrawFn) -> str:
    """A card number with a valid check digit."""
    body = draw(st.text("0123456789", min_size=12, max_size=18))
    return next(body + digit for digit in "0123456789" if luhn_valid(body + digit))


def grouped(text: str, *, size: int, gap: str) -> str:
    """The text in groups."""
    return gap.join(text[i : i + size] for i in range(0, len(text), size))


@given(iban=ibans(), gap=st.sampled_from(["", " ", "-", "\u00a0"]), lower=st.booleans())
def test_no_iban_survives(iban: str, gap: str, lower: bool) -> None:  # noqa: FBT001
    """A valid IBAN of any country is taken out, in any grouping and case."""
    assert iban_valid(iban)
    written = grouped(iban.lower() if lower else iban, size=4, gap=gap)
    masked = mask(f"please send it to {written}, thanks")
    assert written not in masked
    assert iban[4:] not in masked.upper().replace(" ", "").replace("-", "").replace("\u00a0", "")


@given(card=cards(), gap=st.sampled_from(["", " ", "-", "."]), size=st.sampled_from([4, 5, 6]))
def test_no_card_number_survives(card: str, gap: str, size: int) -> None:
    """A card number with a valid check digit is taken out, in any grouping."""
    masked = mask(f"it is {grouped(card, size=size, gap=gap)} and expires soon")
    assert not any(character.isdigit() for character in masked)


@given(text=st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map(" ".join)))
def test_masking_twice_is_masking_once(text: str) -> None:
    """Masking ends, and is idempotent, whatever is written."""
    masked = mask(text)
    assert mask(masked) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("write to jane.doe+x@mail.example.org", "write to [EMAIL]"),
        ("see www.example.org/a?b=1 now", "see [URL] now"),
        ("ring 020 7946 0958 or (555) 123-4567", "ring [PHONE] or [PHONE]"),
        ("ring +44 7700 900123", "ring [PHONE]"),
        ("my account number is 143634567", "my account number is [NUMBER]"),
        ("the last four digits of ssn is 5463", "the last four digits of ssn is [NUMBER]"),
        ("sort code 12-34-56 account 12345678", "sort code [NUMBER] account [NUMBER]"),
        ("my date of birth is March 3rd, 1985", "my date of birth is [DATE]"),
        ("my name is timothy g brooks", "my name is [NAME]"),
        ("my name is jack and my card is gone", "my name is [NAME] and my card is gone"),
        ("I am Tom O'Brien and I need help", "I am [NAME] and I need help"),
        ("this is John Smith speaking", "this is [NAME] speaking"),
        ("Hi Sarah, can you help?", "Hi [NAME], can you help?"),
        ("Mrs Anne-Marie Smith called", "Mrs [NAME] called"),
        ("Kind regards,\nJohn Smith", "Kind regards,\n[NAME]"),
        ("NI number AB123456C", "NI number [ID]"),
        ("I live at SW1A 1AA", "I live at [POSTCODE]"),
        ("7896 4215 6321 7852 is not right", "[CARD] is not right"),
    ],
)
def test_what_goes(text: str, masked: str) -> None:
    """Each kind of personal data has its placeholder."""
    assert mask(text) == masked


@pytest.mark.parametrize(
    "text",
    [
        "I'm still waiting for my refund",
        "I am Very Angry about this",
        "This is Outrageous",
        "I paid 1,250.00 on 12-05-2024 and 30 EUR",
        "the rate was 1.25 and not 1.30 on 14 May 2023 at 10.30",
        "Dear Sir or Madam, Hi There, Hello Team",
        "Hi I'm waiting for a refund",
        "my name is spelled wrong on my card",
        "my card ending soon costs 100 pounds",
        "Mark and Grace are what I call them",
    ],
)
def test_what_stays(text: str) -> None:
    """Amounts, dates, moods and matters are left alone."""
    assert mask(text) == text
