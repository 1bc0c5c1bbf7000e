"""The auditor's own parts: the page, the dossier, the order of records, the book."""

from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas.base import DAY_MS, stamp
from scripts.auditing import dossier, page
from scripts.auditing.book import Book
from scripts.auditing.logs import dump
from scripts.auditing.simulate import Cohort, Plan
from tests.strategies import CUSTOMER

NOW_MS = 1_740_988_800_000


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dump of a few customers' fortnight."""
    folder = tmp_path_factory.mktemp("log")
    cohort = Cohort(Plan(customers=6, days=12, density=0.6), seed="page", size=6)
    dump([record for piece in cohort.live() for record in piece], folder)
    return folder


def _customer(log: Path) -> str:
    rows = (log / "transparency.jsonl").read_bytes().splitlines()
    bodies = [orjson.loads(orjson.loads(row)["value"]) for row in rows]
    return str(next(b["customer"] for b in bodies if b["type"] == "decision.entry"))


class Tags(HTMLParser):
    """Whether every tag is closed in its turn."""

    VOID = frozenset({"meta", "br"})

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        del attrs
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_is_whole_and_says_what_was_used(log: Path, tmp_path: Path) -> None:
    """Well-formed, self-contained, and every decision's own words are on it."""
    who, out = _customer(log), tmp_path / "page.html"
    assert dossier.main(["page", who, "--log", str(log), "--out", str(out)]) == 0
    text = out.read_text()
    tags = Tags()
    tags.feed(text)
    assert not tags.open
    assert "src=" not in text
    assert "<link" not in text
    told = dossier.dossier(dossier.load(log), who)
    said = "".join(tags.text)
    for entry in told["decisions"][-page.SHOWN_MAX :]:
        assert entry["words"] in said
        for use in entry["uses"]:
            assert use["words"] in said


def test_what_others_wrote_is_escaped() -> None:
    """No text of the log becomes a tag."""
    receipt: dict[str, Any] = {
        "at": stamp(NOW_MS),
        "words": "<script>alert(1)</script>",
        "began": [],
        "ended": [],
    }
    file = {"receipts": [receipt], "decisions": [], "forgotten": []}
    assert "<script>" not in page.render(file)


def test_the_whole_file_is_written(log: Path, tmp_path: Path) -> None:
    """Receipts and decisions of this customer and of nobody else."""
    who, out = _customer(log), tmp_path / "file.json"
    assert dossier.main(["export", who, "--log", str(log), "--out", str(out)]) == 0
    body = orjson.loads(out.read_bytes())
    assert body["receipts"]
    assert body["decisions"]
    assert {b["customer"] for b in (*body["receipts"], *body["decisions"])} == {who}
    assert dossier.main(["export", "nobody", "--log", str(log), "--out", str(out)]) == 2


def _event(kind: str, *, at_ms: int = NOW_MS, index: int = 0, **fields: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "event_id": f"{kind}-{index}-{at_ms}",
        "customer": CUSTOMER,
        "at": stamp(at_ms),
        **fields,
    }


def _grant(**fields: Any) -> dict[str, Any]:
    return _event(
        "consent.granted",
        **{"record_id": "r", "purpose": "direct_marketing", "sources": ["app"], **fields},
    )


def test_the_book_keeps_to_the_promises() -> None:
    """Grants, ends, crossings, objections, categories and channels, as a stranger reads them."""
    book = Book()
    book.hear(_grant(valid_until=stamp(NOW_MS + DAY_MS), channels=["chat"]), position="p")
    assert book.standing("direct_marketing", NOW_MS) == {"app"}
    assert book.proof("direct_marketing", "app") == "r@p"
    assert not book.reachable("direct_marketing", "push", NOW_MS)
    assert book.standing("direct_marketing", NOW_MS + DAY_MS) == frozenset()
    assert book.expire(NOW_MS + DAY_MS) == {("direct_marketing", "app")}
    book.hear(_event("consent.withdrawn", at_ms=NOW_MS + 9), position="q")
    book.hear(_grant(at_ms=NOW_MS + 5), position="r")
    assert not book.words
    book.hear(_grant(at_ms=NOW_MS + 10, categories=["app_use"]), position="s")
    book.hear(_grant(at_ms=NOW_MS + 11, purpose="model_training", index=1), position="t")
    assert book.standing("direct_marketing", NOW_MS + 20) == frozenset()
    assert book.standing("model_training", NOW_MS + 20) == {"app"}
    closed = book.hear(_event("objection.raised", scope="marketing"), position="u")
    assert closed == {("direct_marketing", "app")}
