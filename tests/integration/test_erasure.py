"""Erasure on real shards: customers live, one is erased, and every byte of state and backups is looked through."""

from pathlib import Path

import orjson
import pytest

from flows.records import Record
from schemas import topics
from scripts.auditing.erasure import main, scan
from scripts.auditing.lived import MASTER, PLANTS, SHARDS, live_and_erase, seal_of
from scripts.auditing.logs import dump, load
from scripts.auditing.remains import guises, on_topics
from state.directory import open_directory, open_shards
from state.identity import Identity
from state.sealed import Vault
from state.store import ShardBatch

EVENTS = 3_000


def test_sealed_state_and_its_backups_hold_nobody(tmp_path: Path) -> None:
    """Not a byte is readable in shards, key rings, topics or an older backup; the keys that are left open none of it."""
    words = live_and_erase(tmp_path, events=EVENTS, sealed=True)
    assert scan(tmp_path, words) == []
    vault = Vault(tmp_path / "keys", masters=[MASTER])
    home = open_directory(
        tmp_path / "backup-1", identity=Identity("", SHARDS, "a"), owner="w", vault=vault
    )
    stores = open_shards(home, range(SHARDS)).values()
    assert [store.customer(words[0]) for store in stores] == [None] * SHARDS
    assert any(store.due(2**45, 1000) for store in stores)
    assert words[0] not in {timer.customer for store in stores for timer in store.due(2**45, 1000)}
    for store in stores:
        store.close()
    seal = seal_of(tmp_path)
    opened = [seal.opened(r) for r in load(tmp_path / "topics")]
    dark = [r for r in opened if r.dark]
    assert 0 < len(dark) < len(opened)
    survivors, last_words = on_topics(opened, guises(words))
    assert (survivors, last_words > 0) == ([], True)
    seal.close()


def test_plain_state_holds_nobody_and_its_backup_is_named(tmp_path: Path) -> None:
    """Without encryption the shards are clean as well; a backup from before is found, and what topics still hold."""
    words = live_and_erase(tmp_path, events=EVENTS, sealed=False)
    assert scan(tmp_path / "state", words) == []
    found = scan(tmp_path, words)
    places = [Path(one.place).relative_to(tmp_path).parts[0] for one in found]
    assert set(places) == {"backup-1", "topics"}


@pytest.mark.parametrize("plant", sorted(PLANTS))
def test_a_planted_survivor_is_found(tmp_path: Path, plant: str) -> None:
    """Whatever is left behind on purpose is named with its place."""
    words = live_and_erase(tmp_path, events=EVENTS, sealed=True, plant=plant)
    found = scan(tmp_path, words)
    assert len(found) == 1
    assert found[0].word == words[0]


def test_an_erasure_under_way_is_no_erasure(tmp_path: Path) -> None:
    """A shard whose files were not rewritten yet is named, though nobody is told from it."""
    live_and_erase(tmp_path, events=EVENTS, sealed=True)
    vault = Vault(tmp_path / "keys", masters=[MASTER])
    home = open_directory(
        tmp_path / "state", identity=Identity("", SHARDS, "a"), owner="w", vault=vault
    )
    (store,) = open_shards(home, [0]).values()
    store.commit(ShardBatch(customers={"soak-0000001": None}, erased={"soak-0000001"}))
    store.close()
    (found,) = scan(tmp_path, ["soak-0000001"])
    assert found.place.endswith("shard-0000")
    assert "not off the disk" in found.guise


@pytest.mark.parametrize(
    "hidden",
    ["anna-0042", "616e6e612d30303432", "xYW5uYS0wMDQyx", b"a\0n\0n\0a\0-\x000\x000\x004\x002\0"],
)
def test_a_word_is_found_in_any_guise(tmp_path: Path, hidden: str | bytes) -> None:
    """As text, in hexadecimal, inside base64 and as UTF-16; across the seams of a large file too."""
    data = hidden if isinstance(hidden, bytes) else hidden.encode()
    (tmp_path / "file").write_bytes(b"." * ((1 << 24) - 5) + data + b"." * 9)
    assert [one.word for one in scan(tmp_path, ["anna-0042"])] == ["anna-0042"]
    assert scan(tmp_path, ["anna-0043"]) == []


def test_topics_are_looked_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """What a topic still holds is named with its offsets; the last words of an erasure are counted apart."""

    def record(offset: int, topic: str, kind: str, **body: str) -> Record:
        value = orjson.dumps({"customer": "anna-0042", **body})
        heads = (("ce_type", kind.encode()),)
        return Record(topic, 1, offset, b"anna-0042", value, heads, 0)

    withdrawn = "You withdrew the consent that this suggestion stood on."
    records = [
        record(3, topics.CUSTOMER_EVENTS, "transaction.booked"),
        record(7, topics.CUSTOMER_EVENTS, "app.opened"),
        record(4, topics.OFFERS, "offer.recalled", reason=withdrawn),
        record(
            9, topics.OFFERS, "offer.recalled", reason="You asked us to forget you, and we did."
        ),
        record(2, topics.TRANSPARENCY, "erasure.certified"),
    ]
    found, last_words = on_topics(records, guises(["anna-0042"]))
    assert last_words == 2
    assert [one.place for one in found] == [
        "topic customer-events, partition 1, 2 records from 3 to 7",
        "topic offers, partition 1, 1 records from 4 to 4",
    ]
    dump(records, tmp_path)
    assert main(["anna-0042", "--log", str(tmp_path)]) == 1
    assert "2 records from 3 to 7" in capsys.readouterr().out
    assert main(["berta-0042", "--log", str(tmp_path)]) == 0


def test_bad_questions_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No customer, nowhere to look, a folder that is not there, a word that is everywhere: exit status 2."""
    for arguments, words in (
        (["--path", str(tmp_path)], "name the customer"),
        (["anna-0042"], "where to look"),
        (["anna-0042", "--path", str(tmp_path / "none")], "is not there"),
        (["ann", "--path", str(tmp_path)], "too short"),
    ):
        assert main(arguments) == 2
        assert words in capsys.readouterr().err
