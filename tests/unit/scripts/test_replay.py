import gzip
from pathlib import Path

import pytest

from schemas.base import DAY_MS
from schemas.events import EVENT
from scripts.replay import ReplayError, berka
from scripts.replay.berka import Row, chained

TABLES = {
    "account.asc": '"account_id";"district_id";"frequency";"date"\n1;18;"POPLATEK MESICNE";930101\n2;1;"X";930101\n',
    "client.asc": '"client_id";"birth_number";"district_id"\n1;"706213";18\n2;"450204";1\n3;"406009";1\n',
    "disp.asc": '"disp_id";"client_id";"account_id";"type"\n1;1;1;"OWNER"\n2;2;2;"OWNER"\n3;3;2;"DISPONENT"\n',
    "order.asc": '"order_id";"account_id";"bank_to";"account_to";"amount";"k_symbol"\n9;1;"YZ";"877";200.50;"SIPO"\n',
    "loan.asc": '"loan_id";"account_id";"date";"amount";"duration";"payments";"status"\n'
    '7;1;930103;96396;12;8033.00;"B"\n',
    "card.asc": '"card_id";"disp_id";"type";"issued"\n5;1;"gold";"930102 00:00:00"\n',
}
TRANSACTIONS = (
    '"trans_id";"account_id";"date";"type";"operation";"amount";"balance";"k_symbol";"bank";"account"\n'
    '30;1;930101;"PRIJEM";"VKLAD";1000.00;1000.00;"";;\n'
    '21;1;930102;"VYDAJ";"VYBER";14.60;1085.40;"SLUZBY";;\n'
    '22;1;930102;"PRIJEM";"";100.00;1100.00;"UROK";;\n'
    '23;1;930104;"VYDAJ";"PREVOD NA UCET";200.50;884.90;"SIPO";"YZ";"877"\n'
    '24;2;930102;"PRIJEM";"PREVOD Z UCTU";500.00;500.00;"DUCHOD";"AB";"0"\n'
    '25;2;930103;"VYBER";"VYBER KARTOU";50.00;450.00;" ";;\n'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A tiny bank in the shape of the data set."""
    for name, text in TABLES.items():
        (tmp_path / name).write_text(text)
    with gzip.open(tmp_path / "trans_1993.asc.gz", "wt") as file:
        file.write(TRANSACTIONS)
    return tmp_path


def test_whole_bank(folder: Path) -> None:
    """Everything is a valid event, in order of time, with the owner's facts before the first payment."""
    records = list(berka(folder))
    events = [EVENT.validate_json(record.value()) for record in records]
    assert [r.at_ms for r in records] == sorted(r.at_ms for r in records)
    assert len({(r.key, r.event["event_id"]) for r in records}) == len(records)
    first = [event.kind for event in events if event.customer == "berka-1"]
    assert first[:6] == ["consent.granted"] * 4 + ["profile.updated", "product.opened"]
    years = {r.key: r.event["birth_year"] for r in records if "birth_year" in r.event}
    assert years == {"berka-1": 1970, "berka-2": 1945}


def test_day_is_ordered_by_balance(folder: Path) -> None:
    """Within a day the rows come as the balance adds up, whatever their ids."""
    booked = [
        r.event for r in berka(folder, customers=1) if r.event["kind"] == "transaction.booked"
    ]
    balance = 0
    for event in booked:
        balance += event["amount_minor"]
        assert event["balance_minor"] == balance
    assert [e["transaction_id"] for e in booked] == ["t30", "t22", "t21", "t23"]


def test_meanings(folder: Path) -> None:
    """Methods, counterparties and references come from the codes; a known order is a standing order."""
    booked = {
        r.event["transaction_id"]: r.event for r in berka(folder) if r.topic == "transactions"
    }
    assert booked["t22"]["method"] == "interest"
    assert booked["t21"]["method"] == "fee"
    assert booked["t23"]["method"] == "standing_order"
    assert booked["t23"]["counterparty"] == "household-YZ-877"
    assert booked["t24"]["reference"] == "Pension"
    assert booked["t25"]["method"] == "card"
    assert booked["t25"]["amount_minor"] == -5_000
    assert all(event["currency"] == "CZK" for event in booked.values())


def test_products_come_at_their_time(folder: Path) -> None:
    """A card and a loan are opened when the data says so, not before."""
    opened = {
        r.event["product"]: r.at_ms // DAY_MS
        for r in berka(folder)
        if r.key == "berka-1" and r.event["kind"] == "product.opened"
    }
    assert opened["gold_card"] - opened["current_account"] == 1
    assert opened["personal_loan"] - opened["current_account"] == 2


def test_from_day(folder: Path) -> None:
    """What lies before the asked day is left out, and the rest still has its beginnings."""
    kept = list(berka(folder, from_day="1993-01-03"))
    assert {r.event["transaction_id"] for r in kept if r.topic == "transactions"} == {"t23", "t25"}
    assert {r.key for r in kept if r.topic == "consents"} == {"berka-1", "berka-2"}


def test_chain_prefers_what_adds_up() -> None:
    """The greedy order finds the only order that adds up."""
    rows = [
        Row(str(n), 0, amount, balance, "", "", "")
        for n, (amount, balance) in enumerate([(-30, 90), (50, 120), (20, 70), (50, 50)])
    ]
    ordered = chained(rows)
    assert [r.balance_minor for r in ordered] == [50, 70, 120, 90]


def spoilt(folder: Path, name: str, text: str) -> str:
    """What the replay says of a folder in which one file was replaced."""
    (folder / name).write_text(text)
    with pytest.raises(ReplayError) as caught:
        list(berka(folder))
    return str(caught.value)


def test_missing_files_are_named(folder: Path, tmp_path: Path) -> None:
    """A missing folder, table or transactions file is named with what to do."""
    with pytest.raises(ReplayError, match="no folder"):
        list(berka(tmp_path / "nowhere"))
    (folder / "loan.asc").unlink()
    with pytest.raises(ReplayError, match=r"loan\.asc is missing"):
        list(berka(folder))
    (folder / "trans_1993.asc.gz").unlink()
    with pytest.raises(ReplayError):
        list(berka(folder))


def test_garbled_files_are_named(folder: Path) -> None:
    """A column, a field, a day, an amount or a type that can't be is told with its place."""
    good = TRANSACTIONS.splitlines()
    assert "no column" in spoilt(folder, "trans.asc", "a;b\n1;2\n")
    assert "line 2" in spoilt(folder, "trans.asc", f"{good[0]}\n1;2;3\n")
    bad_day = good[1].replace("930101", "931341")
    assert "YYMMDD" in spoilt(folder, "trans.asc", f"{good[0]}\n{bad_day}\n")
    bad_amount = good[1].replace("1000.00", "much", 1)
    assert "no amount" in spoilt(folder, "trans.asc", f"{good[0]}\n{bad_amount}\n")
    bad_type = good[1].replace("PRIJEM", "credit")
    assert "another version" in spoilt(folder, "trans.asc", f"{good[0]}\n{bad_type}\n")


def test_damaged_archive_is_named(folder: Path) -> None:
    """A gzip file that was cut is told as such."""
    path = folder / "trans_1993.asc.gz"
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(ReplayError, match="can't be read"):
        list(berka(folder))
