"""The contract of the topics is kept, is what the code says, and breaks are named."""

from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import orjson
import pytest

from schemas import topics
from schemas.asyncapi import document, messages
from schemas.evolution import breaks
from schemas.outputs import BODIES
from scripts.contracting.command import KEPT, main, rendered

Edit = Callable[[dict[str, Any]], object]
BOOKED, OFFER = "TransactionBooked", "OfferIssued"


def schema(contract: dict[str, Any], name: str) -> dict[str, Any]:
    found: dict[str, Any] = contract["components"]["schemas"][name]
    return found


def test_the_kept_document_is_what_the_code_says() -> None:
    """Whoever changes a shape writes the document anew."""
    assert KEPT.read_bytes() == rendered(), "scripts/contracts write"


def test_every_topic_has_its_shapes() -> None:
    """Dead letters alone have none: they are what came in."""
    by_topic = messages()
    assert set(by_topic) == set(topics.ALL) - {topics.DEAD_LETTERS}
    assert set(BODIES) == set(topics.OUTPUTS) - {topics.DEAD_LETTERS}
    assert all(by_topic.values())


def test_nothing_points_nowhere() -> None:
    """Each reference inside the document has its target."""
    contract = document()
    refs = set()

    def walk(part: Any) -> None:
        if isinstance(part, dict):
            refs.update([part["$ref"]] if isinstance(part.get("$ref"), str) else [])
            for value in part.values():
                walk(value)
        elif isinstance(part, list):
            for value in part:
                walk(value)

    walk(contract)
    assert len(refs) > 60
    for ref in refs:
        place: Any = contract
        for step in ref.removeprefix("#/").split("/"):
            place = place[step]


@pytest.mark.parametrize(
    ("edit", "named"),
    [
        (lambda c: c["channels"].pop("offers"), "topic offers is gone"),
        (
            lambda c: c["channels"]["offers"]["messages"].pop(OFFER),
            "topic offers carries no OfferIssued any more",
        ),
        (lambda c: schema(c, OFFER)["properties"].pop("reason"), "OfferIssued.reason is gone"),
        (
            lambda c: schema(c, OFFER)["required"].remove("reason"),
            "OfferIssued.reason may be missing",
        ),
        (
            lambda c: schema(c, BOOKED)["required"].append("mcc"),
            "TransactionBooked.mcc is required now",
        ),
        (
            lambda c: schema(c, BOOKED)["properties"]["amount_minor"].update(maximum=5),
            "TransactionBooked.amount_minor means something else",
        ),
        (
            lambda c: schema(c, BOOKED)["properties"]["method"]["enum"].remove("cash"),
            "TransactionBooked.method means something else",
        ),
        (
            lambda c: schema(c, OFFER)["properties"]["type"]["enum"].append("offer.whispered"),
            "OfferIssued.type means something else",
        ),
    ],
)
def test_a_break_is_named(edit: Edit, named: str) -> None:
    """What a writer or a reader of today can't live with."""
    changed = deepcopy(document())
    edit(changed)
    found = breaks(document(), changed)
    assert len(found) == 1
    assert found[0].startswith(named)


@pytest.mark.parametrize(
    "edit",
    [
        lambda c: schema(c, BOOKED)["properties"].update(note={"type": "string", "default": ""}),
        lambda c: schema(c, BOOKED)["properties"]["method"]["enum"].append("cheque"),
        lambda c: schema(c, OFFER)["properties"].update(tone={"type": "string"}),
        lambda c: schema(c, OFFER).update(description="other words"),
        lambda c: c["channels"].update(moods={"messages": {}}),
    ],
)
def test_what_adds_is_no_break(edit: Edit) -> None:
    """A field that may be missing, a further choice for writers, further words."""
    changed = deepcopy(document())
    edit(changed)
    assert breaks(document(), changed) == []


def test_a_break_is_not_written_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unless the contract's version says so; what can't be read is said, and is no break."""
    kept = tmp_path / "kept.json"
    older = deepcopy(document())
    schema(older, OFFER)["properties"]["mood"] = {"type": "string"}
    kept.write_bytes(orjson.dumps(older))

    def run(*arguments: str) -> int:
        monkeypatch.setattr("sys.argv", ["scripts/contracts", "--kept", str(kept), *arguments])
        return main()

    assert run("write") == 1
    assert "OfferIssued.mood is gone" in capsys.readouterr().out
    assert orjson.loads(kept.read_bytes()) == older
    assert run("check") == 1
    older["info"]["version"] = "0.9.0"
    kept.write_bytes(orjson.dumps(older))
    assert run("write") == 0
    assert kept.read_bytes() == rendered()
    assert run("check") == 0
    assert run("compare", str(kept)) == 0
    kept.write_text("[]")
    assert run("compare", str(kept)) == 2
    assert "not an AsyncAPI 3.0 document" in capsys.readouterr().err
