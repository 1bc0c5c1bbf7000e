"""Loading a catalogue: a flaw is named so that whoever edits the file can mend it."""

from pathlib import Path
from typing import Any

import orjson
import pytest

from flows.catalogue import digest, load, parse
from schemas.errors import ConfigError
from schemas.offers import Kind
from tests.moments import credit, item


def row(kind: str = "offer", **changes: Any) -> dict[str, Any]:
    """One valid entry with changes; None takes a field out."""
    made: dict[str, Any] = item(kind).model_dump(mode="json", exclude_unset=True) | changes
    return {name: value for name, value in made.items() if value is not None}


def flaw(*rows: dict[str, Any]) -> str:
    """The error that these entries give."""
    with pytest.raises(ConfigError) as caught:
        parse(orjson.dumps(rows), name="offers.json")
    assert caught.value.code == "config.bad-catalogue"
    assert caught.value.hint
    return caught.value.detail


def test_the_shipped_catalogue_loads() -> None:
    """All files are read, in order of name, and the digest tells catalogues apart."""
    items = load()
    assert len(items) >= 48
    assert [*dict.fromkeys(i.kind for i in items)] == [
        Kind.CONSENT_ASK,
        Kind.FEATURE,
        Kind.INTERVENTION,
        Kind.OFFER,
    ]
    assert digest(items) == digest(load()) != digest(items[1:])


def test_a_bad_field_names_file_item_and_field() -> None:
    """Nested fields are named with their path; an unknown field is called unknown."""
    wrong = row(suitability={"shortfall_max": "much"})
    assert flaw(wrong).startswith(
        "offers.json: item 'some_offer', field 'suitability.shortfall_max': "
    )
    assert "field 'presure'" in flaw(row(presure=0.5))
    assert flaw(row(id=None)).startswith("offers.json: item number 1, field 'id'")


def test_duplicate_ids_are_refused_in_one_file_and_across_files(tmp_path: Path) -> None:
    """An id belongs to one item of the whole catalogue."""
    assert "already in offers.json" in flaw(row(), row())
    for name in ("a.json", "b.json"):
        (tmp_path / name).write_bytes(orjson.dumps([row()]))
    with pytest.raises(ConfigError, match=r"b\.json: item 'some_offer'.*already in a\.json"):
        load(tmp_path)


def test_unreadable_catalogues_are_config_errors(tmp_path: Path) -> None:
    """No file, no JSON, no list: each says so."""
    with pytest.raises(ConfigError, match="no \\*\\.json file"):
        load(tmp_path)
    with pytest.raises(ConfigError, match=r"offers\.json: unexpected"):
        parse(b"[{]", name="offers.json")
    with pytest.raises(ConfigError, match="not a list"):
        parse(b"{}", name="offers.json")
    (tmp_path / "a.json").mkdir()
    with pytest.raises(ConfigError, match=r"a\.json"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (row(id="silence"), "id"),
        (row(id="category:travel"), "id"),
        (row(traits={"glamour": 1.0}), "traits.glamour"),
        (row(pressure=0.0), "pressure"),
        (row(protective=True), "protective"),
        (row(high_stakes=True, channels=["push"]), "channels"),
        (row(asks_source="app"), "asks_source"),
        (row(eligibility={"age_min": 30, "age_max": 20}), "eligibility.age_max"),
        (row(eligibility={"requires": ["a"], "excludes": ["a"]}), "eligibility.excludes"),
        (row("feature", feature=None), "feature"),
        (row("intervention", pressure=0.1), "pressure"),
        (row("intervention", credit=True), "credit"),
        (row("intervention", product="pension"), "product"),
        (row("consent_ask", asks_purpose=None), "asks_purpose"),
        (row("consent_ask", asks_source="control"), "asks_source"),
        (row("consent_ask", answers=["travel.detected"]), "answers"),
        (row("consent_ask", channels=["push"]), "channels"),
    ],
)
def test_fields_must_fit_the_kind(entry: dict[str, Any], field: str) -> None:
    """What no single field shows is refused with the field to change."""
    assert f"field '{field}'" in flaw(entry)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"suitability": {}}, "suitability.shortfall_max"),
        ({"eligibility": {}}, "eligibility.age_min"),
        ({"eligibility": {"age_min": 17}}, "eligibility.age_min"),
        ({"channels": ["in_app", "push"]}, "channels"),
    ],
)
def test_credit_needs_all_its_limits(changes: dict[str, Any], field: str) -> None:
    """Credit without a limit, for minors or by push never loads."""
    valid = credit().model_dump(mode="json", exclude_unset=True)
    assert parse(orjson.dumps([valid]), name="offers.json") == (credit(),)
    assert f"field '{field}'" in flaw(valid | changes)
