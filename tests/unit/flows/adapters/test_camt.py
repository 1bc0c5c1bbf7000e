"""camt.052, camt.053 and camt.054, read to the cent or refused with a cause."""

from pathlib import Path
from typing import Any

import pytest

from flows.adapters.camt import read
from flows.adapters.complete import complete, pseudonyms
from flows.adapters.shapes import Found, Message, Noted
from schemas.errors import InputError
from schemas.events import EventBase

SAMPLE = (Path(__file__).parents[3] / "data" / "sources" / "camt053.xml").read_bytes()
ENTRY = b"""<Ntry><Amt Ccy="EUR">%s</Amt><CdtDbtInd>DBIT</CdtDbtInd><Sts>%s</Sts></Ntry>"""


def bodies(value: bytes, *, external: bool = False) -> list[dict[str, Any]]:
    return [r.body for r in read(Message(value, external=external)) if isinstance(r, Found)]


def causes(value: bytes) -> list[str]:
    return [r.code for r in read(Message(value)) if isinstance(r, InputError)]


def message(
    entries: bytes, *, kind: bytes = b"053", version: bytes = b"02", extra: bytes = b""
) -> bytes:
    element, step = {
        b"052": (b"BkToCstmrAcctRpt", b"Rpt"),
        b"053": (b"BkToCstmrStmt", b"Stmt"),
        b"054": (b"BkToCstmrDbtCdtNtfctn", b"Ntfctn"),
    }[kind]
    if version == b"01":
        element += b"V01"
    return (
        b'<?xml version="1.0"?>' + extra + b'<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.'
        + kind + b".001." + version + b'"><' + element
        + b"><GrpHdr><MsgId>m</MsgId><CreDtTm>2026-03-03T05:00:00Z</CreDtTm></GrpHdr><" + step
        + b"><Id>s</Id><CreDtTm>2026-03-03T05:00:00Z</CreDtTm><Acct><Id><IBAN>DE89370400440532013000</IBAN>"
        + b"</Id></Acct>" + entries + b"</" + step + b"></" + element + b"></Document>"
    )  # fmt: skip


def test_a_statement_is_read_to_the_cent() -> None:
    """A batch is one booking with its details; balances run along when the statement adds up."""
    batch, reversal, fee, pending, other = bodies(SAMPLE)
    assert (batch["amount_minor"], batch["balance_minor"]) == (-6000, 4000)
    assert (batch["transaction_id"], batch["value_on"]) == ("REF-1", "2026-03-03")
    assert batch["details_count"] == 2
    assert [d["amount_minor"] for d in batch["details"]] == [-2000, -4000]
    assert batch["details"][0]["end_to_end"] == "E-1"
    assert "end_to_end" not in batch["details"][1]
    assert (reversal["amount_minor"], reversal["reverses"]) == (500, "E-9")
    assert reversal["charges"] == [{"amount": "-0.50", "currency": "EUR", "included": True}]
    assert reversal["original"] == {"amount": "5.55", "currency": "USD", "rate": "0.9009"}
    assert (fee["method"], fee["balance_minor"]) == ("fee", 4300)
    assert (pending["kind"], pending["amount_minor"]) == ("transaction.pending", -900)
    assert (other["amount_minor"], other["currency"], other["account"]) == (700, "JPY", "0815")
    notes = [r for r in read(Message(SAMPLE)) if isinstance(r, Noted)]
    assert [n.content.get("sums") for n in notes] == ["agree", None, "not stated"]


def test_no_number_and_no_name_leaves_the_adapter() -> None:
    """Complete events are native, and account numbers and people's names are pseudonyms in them."""
    made = [
        complete(r, "c-1", pseudonym=pseudonyms("k"))
        for r in read(Message(SAMPLE))
        if isinstance(r, Found)
    ]
    assert all(isinstance(event, EventBase) for event in made)
    assert not any(
        secret in str(made) for secret in ("DE8937", "FR7630006", "Anna", "Example", "0815")
    )


@pytest.mark.parametrize("kind", [b"052", b"053", b"054"])
@pytest.mark.parametrize("version", [b"%02d" % number for number in range(1, 14)])
def test_every_version(kind: bytes, version: bytes) -> None:
    """Versions 1 to 13 of the three messages give the same event, whose id they share: nothing counts twice."""
    status = b"BOOK" if version < b"07" else b"<Cd>BOOK</Cd>"
    (body,) = bodies(message(ENTRY % (b"8.85", status), kind=kind, version=version))
    assert (body["kind"], body["amount_minor"]) == ("transaction.booked", -885)
    assert body == bodies(message(ENTRY % (b"8.85", b"BOOK")))[0]


def test_decimals_are_kept() -> None:
    """Five decimals are exact beside the nearest cent; zeros behind the cent are no decimals."""
    exact, plain = bodies(message(ENTRY % (b"8.85005", b"BOOK") + ENTRY % (b"8.85000", b"BOOK")))
    assert (exact["amount_minor"], exact["amount_exact"]) == (-885, "-8.85005")
    assert (plain["amount_minor"], "amount_exact" in plain) == (-885, False)


def test_equal_entries_are_two() -> None:
    """Two coffees on one day have two ids, the same at every reading."""
    twice = message(ENTRY % (b"3.20", b"BOOK") * 2)
    first, second = bodies(twice)
    assert first["transaction_id"] != second["transaction_id"]
    assert bodies(twice) == [first, second]


def test_an_account_elsewhere() -> None:
    """On the topic of other banks the same file becomes open-banking events, its closing balance too."""
    kinds = [body["kind"] for body in bodies(SAMPLE, external=True)]
    assert kinds.count("openbanking.transaction") == 4
    assert kinds.count("openbanking.pending") == 1
    assert kinds.count("openbanking.balance") == 1


BOMB = b'<!DOCTYPE d [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;">]>'
OUTSIDE = b'<!DOCTYPE d [<!ENTITY x SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (message(b"", extra=BOMB), "input.malformed"),
        (message(b"", extra=OUTSIDE), "input.malformed"),
        (message(b"").decode().replace("1.0", '1.0" encoding="UTF-16').encode(), "input.malformed"),
        (message(ENTRY % (b"1", b"BOOK"))[:-20], "input.malformed"),
        (message(b"<AddtlStmtInf>\xe9</AddtlStmtInf>"), "input.malformed"),
        (message(b"<a>" * 100 + b"</a>" * 100), "input.malformed"),
        (message(b"", version=b"14"), "input.version-too-new"),
        (message(b"").replace(b"camt.053", b"pain.001"), "input.unknown-kind"),
        (message(b"").replace(b"camt.053", b"camt.052"), "input.invalid"),
        (message(b"").replace(b"IBAN>", b"Wrong>"), "input.invalid"),
        (message(b"").replace(b"Stmt><Id>s</Id>", b"Stmt>"), "input.invalid"),
        (message(ENTRY % (b"-1.00", b"BOOK")), "input.invalid"),
        (message(ENTRY % (b"1e3", b"BOOK")), "input.invalid"),
        (message(ENTRY % (b"1.00", b"WHAT")), "input.invalid"),
        (message((ENTRY % (b"1.00", b"BOOK")).replace(b"DBIT", b"OUT")), "input.invalid"),
        (message((ENTRY % (b"1.00", b"BOOK")).replace(b"EUR", b"EUX")), "input.unknown-currency"),
        (message((ENTRY % (b"1.00", b"BOOK")).replace(b"EUR", b"XAU")), "input.unknown-currency"),
        (b"<Document/>", "input.unknown-kind"),
        (b"<html/>", "input.unknown-kind"),
    ],
)
def test_what_is_wrong_is_refused_with_its_cause(value: bytes, code: str) -> None:
    """A bomb, a foreign entity, a cut, another encoding, a wrong sign: each has its cause, and no event."""
    assert bodies(value) == []
    assert causes(value) == [code]


def test_one_wrong_entry_costs_no_other() -> None:
    """The entries around it are read, and the statement claims no balance."""
    value = SAMPLE.replace(b'<Amt Ccy="EUR">2.00</Amt>', b'<Amt Ccy="EUR">-2.00</Amt>')
    assert causes(value) == ["input.invalid"]
    made = bodies(value)
    assert len(made) == 4
    assert not any("balance_minor" in body for body in made)


def test_an_entry_in_another_currency_than_its_account() -> None:
    """It is refused, and no other; a statement that doesn't say the account's currency leaves it to the entries."""
    yen = ENTRY.replace(b"EUR", b"JPY") % (b"900", b"BOOK")
    open_ = message(yen + ENTRY % (b"2.00", b"BOOK"))
    kept = open_.replace(b"</Id></Acct>", b"</Id><Ccy>EUR</Ccy></Acct>")
    assert [body["currency"] for body in bodies(open_)] == ["JPY", "EUR"]
    assert [body["currency"] for body in bodies(kept)] == ["EUR"]
    (refused,) = [r for r in read(Message(kept)) if isinstance(r, InputError)]
    assert refused.code == "input.invalid"
    assert "JPY" in refused.detail
    assert "EUR" in refused.detail


def test_sums_that_differ_claim_no_balance() -> None:
    """A statement that doesn't add up is said to, and its entries carry no balance."""
    value = SAMPLE.replace(b"43.00", b"44.00")
    assert not any("balance_minor" in body for body in bodies(value))
    notes = [r for r in read(Message(value)) if isinstance(r, Noted)]
    assert notes[0].content["sums"] == "differ by 1.00000 EUR"


def test_a_business_envelope_is_looked_through() -> None:
    """Networks put a header beside the document."""
    inner = message(ENTRY % (b"8.85", b"BOOK")).split(b"?>")[1]
    value = b"<Envelope><AppHdr><Fr>x</Fr></AppHdr>" + inner + b"</Envelope>"
    assert len(bodies(value)) == 1


def test_other_encodings_are_read() -> None:
    """UTF-16 and Latin-1 are as good as UTF-8 when they are declared."""
    plain = SAMPLE.decode().replace("Rent March", "Miete März")
    wanted = bodies(plain.encode())
    for encoding in ("UTF-16", "ISO-8859-1"):
        assert bodies(plain.replace("UTF-8", encoding).encode(encoding)) == wanted
