"""`scripts/evaluate replay` with few of everything: the command itself takes a hundred thousand."""

from dataclasses import replace
from pathlib import Path

import orjson
import pytest
from msgspec import structs

from operators.bandits import BANDITS
from scripts.evaluation import replay

LESSONS = list(replay.lessons_of(600, seed=1))


def test_workers_and_restarts_change_no_bit() -> None:
    """One SHA over 1, 2, 4 and 7 workers, one committee after a kill; and another lesson is another SHA."""
    found = replay.learnt(LESSONS)
    assert len(found) == len(replay.WORKERS)
    assert len(set(found.values())) == 1
    assert len(set(replay.restarted(LESSONS).values())) == 1
    changed = replace(LESSONS[0], label=LESSONS[0].label + 1.0)
    assert replay.sha_of(replay.taught([changed, *LESSONS[1:]])) not in found.values()


def test_a_log_of_decisions_replays_to_the_same_bits(tmp_path: Path) -> None:
    """Every decision comes out again from the log; one that was tampered with is found."""
    told = replay.decide(tmp_path, LESSONS, count=300, seed=2)
    assert told["checked"] == 30
    assert told["most"] <= 1e-9
    found = replay.again(tmp_path)
    assert (found["decisions"], found["differ"]) == (300, 0)
    lines = (tmp_path / replay.LOG).read_bytes().splitlines()
    written = orjson.loads(lines[7])
    written[1] = "another key"
    lines[7] = orjson.dumps(written)
    (tmp_path / replay.LOG).write_bytes(b"\n".join(lines))
    assert replay.again(tmp_path)["differ"] == 1


@pytest.mark.parametrize("policy", BANDITS)
def test_chance_is_what_the_log_says(policy: str) -> None:
    """What is chosen follows the logged propensities; chi-square at 99.9 %."""
    found = replay.chance(policy, replay.taught(LESSONS).snapshot(1), draws=3000)
    assert found["statistic"] <= found["bound"]


def test_chance_that_is_not_what_the_log_says_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A policy that draws otherwise than it logs does not pass."""

    class Liar:
        name = "liar"

        def choose(self, *arguments: object, **named: object) -> object:
            choice = BANDITS["evenly"].choose(*arguments, **named)  # type: ignore[arg-type]
            shares = [0.5 / (len(choice.actions) - 1 or 1)] * len(choice.actions)
            return structs.replace(choice, propensities=[0.5, *shares[1:]])

    monkeypatch.setattr(replay, "BANDITS", {"liar": Liar()})
    found = replay.chance("liar", replay.taught(LESSONS).snapshot(1), draws=3000)
    assert found["statistic"] > found["bound"]
