"""`scripts/evaluate taste` on a small bank of the same shape as the real one."""

import json
from pathlib import Path

import pytest

from scripts.evaluation.taste import hide, main, read_berka


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Gold cards go with insurance, junior cards with nothing, and loans with leasing; households pay by order."""
    rows = {
        "disp.asc": ['"disp_id";"client_id";"account_id";"type"'],
        "card.asc": ['"card_id";"disp_id";"type";"issued"'],
        "loan.asc": ['"loan_id";"account_id";"date"'],
        "order.asc": ['"order_id";"account_id";"bank_to";"account_to";"amount";"k_symbol"'],
    }
    for n in range(1, 241):
        rows["disp.asc"].append(f'{n};{n};{n};"OWNER"')
        rows["order.asc"].append(f'{n};{n};"YZ";"1";10.0;"SIPO"')
        if n % 3 == 0:
            rows["card.asc"].append(f'{n};{n};"gold";"931107 00:00:00"')
            rows["order.asc"].append(f'{n};{n};"YZ";"1";10.0;"POJISTNE"')
        elif n % 3 == 1:
            rows["loan.asc"].append(f"{n};{n};930705")
            rows["order.asc"].append(f'{n};{n};"YZ";"1";10.0;"LEASING"')
        rows["order.asc"].append(f'{n};{n};"YZ";"1";10.0;" "')
    for name, lines in rows.items():
        (tmp_path / name).write_text("\n".join(lines) + "\n", encoding="latin-1")
    return tmp_path


def test_co_holdings_find_what_was_hidden(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What goes together is found again more often than by what most people hold."""
    assert main(["--berka", str(folder), "--json"]) == 0
    result = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert result["customers"] == 240
    assert result["ease"]["recall_1"] > result["popular"]["recall_1"] + 0.2
    assert set(result["river_biased_mf"]) == {"recall_1", "recall_3", "reciprocal_rank", "cpu_s"}


def test_what_is_hidden_is_one_that_was_held(folder: Path) -> None:
    """Only of those who hold two or more, and nothing else changes."""
    held = read_berka(folder)
    visible, hidden = hide(held, seed=3)
    assert 30 < len(hidden) < 130
    for customer, products in held.items():
        gone = {hidden[customer]} if customer in hidden else set()
        assert visible[customer] | gone == products
