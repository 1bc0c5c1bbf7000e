"""A seeded town lives through the whole product; what must always hold is read off the topics."""

from collections import defaultdict
from datetime import datetime
from typing import Any

import pytest

from operators.arbitrate import assign
from operators.policy.contact import INTERRUPTING, PROTECTIVE_PER_DAY_MAX
from schemas.base import DATA_SOURCES, DAY_MS, Purpose
from scripts.auditing.book import Book
from scripts.auditing.consent import check
from scripts.auditing.steps import position_of
from scripts.auditing.uses import COORDINATE
from tests.lives import BODIES, ITEMS, WORLD, Life

SHORT = 800


@pytest.fixture(scope="module")
def decisions(life: Life) -> list[dict[str, Any]]:
    """Its decisions."""
    return life.driver.read("decisions")


@pytest.fixture(scope="module")
def issued(life: Life) -> list[dict[str, Any]]:
    """What was said."""
    return [o for o in life.driver.read("offers") if o["type"] != "offer.recalled"]


def _ms(instant: str) -> int:
    return round(datetime.fromisoformat(instant).timestamp() * 1000)


def test_the_life_is_worth_looking_at(
    decisions: list[dict[str, Any]], issued: list[dict[str, Any]], life: Life
) -> None:
    """Things were said and left unsaid, learnt from, and some records were broken."""
    assert len(decisions) > 100
    assert {d["chosen"] == "silence" for d in decisions} == {True, False}
    assert len(issued) > 50
    assert life.driver.read("lessons")
    assert life.driver.world.models.committee is not None
    assert life.driver.world.models.committee.version > 1


def test_every_use_stands_on_a_consent(life: Life, decisions: list[dict[str, Any]]) -> None:
    """Grants are rebuilt from the customers' log alone; each decision's proof is found there."""
    granted: dict[tuple[str, str, str], set[str]] = defaultdict(set)
    for record, event in life.events():
        if event["kind"] == "consent.granted":
            for source in event["sources"]:
                proof = f"{event['record_id']}@{record.place}:0"
                granted[event["customer"], event["purpose"], source].add(proof)
    for decision in decisions:
        for purpose, by_source in decision["consent_vector"].items():
            for source, proof in by_source.items():
                assert proof in granted[decision["customer"], purpose, source]
        proven = {s for by_source in decision["consent_vector"].values() for s in by_source}
        assert set(decision["sources_used"]) <= proven


def test_no_use_after_withdrawal(life: Life) -> None:
    """After a withdrawal or an objection, the purposes and sources that it took away are not used."""
    closed: dict[str, set[tuple[str, str]]] = defaultdict(set)
    objected: dict[str, set[str]] = defaultdict(set)
    made = {d["trigger"]["position"]: d for d in life.driver.read("decisions")}
    looked_at = 0
    for record, event in life.events():
        who = event["customer"]
        if event["kind"] == "consent.withdrawn":
            purposes = [event["purpose"]] if event.get("purpose") else list(Purpose)
            sources = event.get("sources") or list(DATA_SOURCES)
            closed[who].update((p, s) for p in purposes for s in sources)
        elif event["kind"] == "consent.granted":
            closed[who].difference_update((event["purpose"], s) for s in event["sources"])
        elif event["kind"] == "objection.raised":
            objected[who].add(event["scope"])
        elif event["kind"] == "objection.lifted":
            objected[who].discard(event["scope"])
        decision = made.get(f"{record.place}:0")
        if decision is None:
            continue
        looked_at += bool(closed[who] or objected[who])
        used = {(p, s) for p, sources in decision["consent_vector"].items() for s in sources}
        assert not used & closed[who]
        if objected[who] & {"marketing", "profiling"} and decision["chosen"] != "silence":
            assert ITEMS[decision["chosen"]].kind != "offer"
    assert looked_at > 10


def test_caps_hold_in_every_window(issued: list[dict[str, Any]]) -> None:
    """No customer hears more than the caps allow, protective help aside."""
    said: dict[str, list[int]] = defaultdict(list)
    for offer in issued:
        if not ITEMS[offer["action"]].protective:
            said[offer["customer"]].append(_ms(offer["issued_at"]))
    rules = WORLD.rules
    for times in said.values():
        for at in times:
            assert sum(0 <= at - t < 7 * DAY_MS for t in times) <= rules.contacts_per_week
            assert sum(0 <= at - t < DAY_MS for t in times) <= rules.contacts_per_day


def test_caps_of_channels_and_kinds_hold(issued: list[dict[str, Any]]) -> None:
    """Pushes and offers stay under their weekly caps, and even protective help under its daily one."""
    rules = WORLD.rules
    said: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for offer in issued:
        said[offer["customer"]].append(offer | {"ms": _ms(offer["issued_at"])})
    for offers in said.values():
        for last in offers:
            week = [o for o in offers if 0 <= last["ms"] - o["ms"] < 7 * DAY_MS]
            day = [o for o in offers if 0 <= last["ms"] - o["ms"] < DAY_MS]
            if ITEMS[last["action"]].protective:
                assert len(day) <= PROTECTIVE_PER_DAY_MAX
                continue
            if last["channel"] in INTERRUPTING:
                assert sum(o["channel"] in INTERRUPTING for o in week) <= rules.push_per_week
            if last["kind"] == "offer":
                assert sum(o["kind"] == "offer" for o in week) <= rules.marketing_per_week
    assert {offer["channel"] for offer in issued} & {*INTERRUPTING}
    assert {offer["kind"] for offer in issued} >= {"offer", "consent_ask"}


def test_without_a_grant_there_are_only_questions(life: Life) -> None:
    """Whoever agreed to nothing at that moment is at most asked for consent."""
    books: dict[str, Book] = defaultdict(Book)
    offers = {o["decision_id"]: o for o in life.driver.read("offers") if "issued" in o["type"]}
    made = {d["trigger"]["position"]: d for d in life.driver.read("decisions")}
    bare = 0
    for record, event in life.events():
        if event["kind"].startswith(("consent.", "objection.")):
            books[event["customer"]].hear(event, position=f"{record.place}:0")
        decision = made.get(f"{record.place}:0")
        bare += not books[event["customer"]].words
        if decision is None or books[event["customer"]].words:
            continue
        said = offers.get(decision["decision_id"])
        assert decision["sources_used"] == []
        assert decision["features"] == {}
        assert said is None or said["kind"] == "consent_ask"
    assert bare


def test_the_auditor_finds_nothing(life: Life) -> None:
    """Whatever was said, by the clock too, stands on consent at its position and instant."""
    finding = check([*life.driver.records("customer-events"), *life.outputs()])
    assert finding.violations == []
    assert finding.looked_at["recalls"]
    assert any(position_of(record).startswith("clock:") for record in life.outputs())
    ended = [b for b in life.driver.read("transparency") if b.get("state") == "dpv:ConsentExpired"]
    assert ended
    over = {b["customer"]: _ms(b["at"]) for b in ended if "short" in str(b.get("receipt"))}
    for decision in life.driver.read("decisions"):
        if _ms(decision["decided_at"]) > over.get(decision["customer"], _ms("9999-01-01T00:00Z")):
            assert "short@" not in str(decision["consent_vector"])


def test_no_coordinate_leaves_ingest(life: Life) -> None:
    """A position is a zone before it reaches the customers' log, let alone an output."""
    positions = [r for r in life.driver.records("locations") if b"latitude" in (r.value or b"")]
    assert positions
    for record in [*life.driver.records("customer-events"), *life.outputs()]:
        if record.topic != "dead-letters":
            assert not COORDINATE.search(record.value or b"")


def test_the_braked_are_not_sold_to(life: Life) -> None:
    """From a flag on, rebuilt from the log, nothing with sales pressure is chosen and nothing tried out."""
    made = {d["trigger"]["position"]: d for d in life.driver.read("decisions")}
    flagged: dict[str, set[str]] = defaultdict(set)
    looked_at = 0
    for record, event in life.events():
        if event["kind"] == "vulnerability.flagged":
            flagged[event["customer"]].add(event["driver"])
        elif event["kind"] == "vulnerability.cleared":
            flagged[event["customer"]].discard(event["driver"])
        decision = made.get(f"{record.place}:0")
        if decision is None or not flagged[event["customer"]]:
            continue
        looked_at += 1
        assert decision["vulnerability_brake"]
        assert decision["propensity"] == 1.0
        if decision["chosen"] != "silence":
            assert ITEMS[decision["chosen"]].pressure == 0
    assert looked_at


def test_the_holdout_gets_protection_only(decisions: list[dict[str, Any]]) -> None:
    """The holdout hears nothing that is not protective."""
    held = [d for d in decisions if assign(d["customer"], WORLD.rules) == "holdout"]
    assert held
    for decision in held:
        assert decision["chosen"] == "silence" or ITEMS[decision["chosen"]].protective


def test_high_stakes_wait_for_the_board(issued: list[dict[str, Any]]) -> None:
    """Without a verdict no item of high stakes is said."""
    assert not [o for o in issued if ITEMS[o["action"]].high_stakes]


def test_decisions_are_whole(decisions: list[dict[str, Any]], issued: list[dict[str, Any]]) -> None:
    """Each once, each a distribution, each chained to the one before, each offer with its decision."""
    ids = [d["decision_id"] for d in decisions]
    assert len(ids) == len(set(ids))
    assert {o["decision_id"] for o in issued} <= set(ids)
    last: dict[str, str] = {}
    for decision in decisions:
        total = sum(row.get("p_final", 0.0) for row in decision["candidates"])
        assert total == pytest.approx(1.0, abs=1e-9)
        assert decision["previous_digest"] == last.get(decision["customer"], "")
        last[decision["customer"]] = decision["digest"]
        assert decision["digests"]["model"]


def test_both_ledgers_are_told(life: Life) -> None:
    """What a model chose says what it expected for the customer and for the bank, and that adds up to its score."""
    made = {decision["decision_id"]: decision for decision in life.driver.read("decisions")}
    told = 0
    for entry in life.driver.read("transparency"):
        worth = entry.get("explanation", {}).get("worth")
        if worth is None:
            continue
        decision = made[entry["decision_id"]]
        score = next(
            row["score"] for row in decision["candidates"] if row["action"] == decision["chosen"]
        )
        combined = worth["customer_minor"] + worth["bank_minor"] - worth["price_minor"]
        assert combined == pytest.approx(1000 * score, abs=2)
        told += worth["customer_minor"] != 0 and worth["bank_minor"] != 0
    assert told > 20


def test_dead_letters_are_what_was_broken(life: Life) -> None:
    """A broken record is a dead letter with its cause, and only a broken record is."""
    broken = [fault for fault in life.faults if fault and fault not in {"late", "doubled"}]
    assert len(life.driver.records("dead-letters")) == len(broken)


def test_no_text_leaves_the_reader(life: Life) -> None:
    """What customers wrote is in no output."""
    texts = [event.get("text") for _, event in life.events()]
    written = [text.encode() for text in texts if text]
    assert written
    outputs = b"\n".join(
        record.value or b""
        for topic in (*BODIES, "insights", "lessons", "impact", "reviews")
        for record in life.driver.records(topic)
    )
    assert not [text for text in written if text in outputs]


def test_same_seed_same_bytes() -> None:
    """The same town gives the same bytes again; another one does not."""
    first, again, other = (
        Life("a", SHORT).bodies(),
        Life("a", SHORT).bodies(),
        Life("b", SHORT).bodies(),
    )
    assert first == again
    assert all(bodies for bodies in first)
    assert all(mine != theirs for mine, theirs in zip(first, other, strict=True))
