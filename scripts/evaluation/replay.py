"""Whether everything that was decided and learnt comes out again, bit by bit, and chance is what the log says.

    learnt       one SHA of all sums over 1, 2, 4 and 7 workers in any order, and after a kill and a restart
    replayed     decisions made again from their log, in other processes, with other kernels of BLAS
    chance       how often each action was chosen beside its logged propensity, chi-square
    explained    contributions and the reference sum to the score

A town's numbers play no part: contexts, offers and lessons are drawn from a seed.
"""

import argparse
import json
import math
import os
import random
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import orjson
from msgspec import structs

from flows.learn import Learner
from operators.bandits import BANDITS
from operators.bandits.committee import reference
from operators.bandits.ridge import PosteriorRidge
from operators.contracts import Alternatives
from schemas import topics
from schemas.decisions import SILENCE, Choice, Lesson
from schemas.models import CommitteeSnapshot, Models
from schemas.rules import Rules
from state.models import COMMITTEE, decode_model, encode_model

WORKERS = (1, 2, 4, 7)
MACHINES: tuple[dict[str, str], ...] = (
    {"OPENBLAS_NUM_THREADS": "2"},
    {"OPENBLAS_CORETYPE": "Haswell", "NPY_DISABLE_CPU_FEATURES": "AVX512F AVX512CD AVX512_SKX"},
    {"OPENBLAS_CORETYPE": "Sandybridge"},
)
"""Processes that stand in for other machines: more threads, and the kernels of older CPUs."""
CONTEXT_NAMES = ("const", *(f"feature_{n:02}" for n in range(19)))
ACTION_NAMES = ("bias", *(f"trait_{n:02}" for n in range(13)))
ACTIONS = tuple(f"offer_{n:02}" for n in range(20))
SITUATIONS = 10
"""Different moments that are drawn for again and again, for the chi-square."""
BRAKED, WITHHELD = 0.1, 0.2
"""Shares of moments at which nothing may be tried, and of features that are not given."""
EXACT = 1e-9
Z_999 = 3.0902
"""The 99.9 % quantile of the normal distribution."""
RULES = Rules()
LOG, SNAPSHOTS = "decisions.jsonl", "snapshots"


def main(argv: list[str]) -> int:
    """Run it; 1 if a bit differs or chance is not what the log says."""
    parser = argparse.ArgumentParser(prog="scripts/evaluate replay", description=__doc__)
    parser.add_argument("--decisions", type=int, default=100_000)
    parser.add_argument("--draws", type=int, default=1_000_000, help="for the chi-square")
    parser.add_argument("--lessons", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="one JSON object in the last line")
    parser.add_argument(
        "--again", type=Path, help="only make the decisions of a folder's log again"
    )
    options = parser.parse_args(argv)
    if options.again is not None:
        print(json.dumps(again(options.again)))
        return 0
    lessons = list(lessons_of(options.lessons, seed=options.seed))
    found: dict[str, Any] = {"learnt": learnt(lessons), "restarted": restarted(lessons)}
    with tempfile.TemporaryDirectory(prefix="market-of-one-replay-") as name:
        folder = Path(name)
        found["explained"] = decide(folder, lessons, count=options.decisions, seed=options.seed)
        found["replayed"] = {"here": again(folder)}
        for machine in MACHINES:
            found["replayed"][" ".join(f"{k}={v}" for k, v in machine.items())] = _elsewhere(
                folder, machine
            )
    snapshot = taught(lessons).snapshot(1)
    found["chance"] = {
        policy: chance(policy, snapshot, draws=draws)
        for policy, draws in (("committee", options.draws), *_others(options.draws // 10))
    }
    found["passed"] = passed(found)
    print(json.dumps(found) if options.json else json.dumps(found, indent=1))
    return 0 if found["passed"] else 1


def passed(found: dict[str, Any]) -> bool:
    """Whether all four hold."""
    return bool(
        len(set(found["learnt"].values())) == len(set(found["restarted"].values())) == 1
        and found["explained"]["most"] <= EXACT
        and all(one["differ"] == 0 for one in found["replayed"].values())
        and all(one["statistic"] <= one["bound"] for one in found["chance"].values())
    )


def lessons_of(count: int, *, seed: int) -> Iterator[Lesson]:
    """Lessons over five epochs; every fourth label is revised later."""
    dice = random.Random(seed)
    for number in range(count):
        x, a = context(dice), features(dice)
        lesson = Lesson(
            lesson_id=f"lesson-{number}",
            kind="reward",
            customer=f"c-{number % 997}",
            at_ms=dice.randrange(5 * 28 * 86_400_000),
            action=dice.choice((*ACTIONS, SILENCE)),
            context=x,
            action_features=a,
            label=0.3 * x[1] * a[1] - 0.2 * x[2] * a[2] + dice.gauss(0.0, 1.0),
        )
        yield lesson
        if number % 4 == 0:
            yield replace(
                lesson,
                lesson_id=f"{lesson.lesson_id}-revised",
                label=dice.gauss(0.0, 2.0),
                label_before=lesson.label,
            )


def taught(lessons: Sequence[Lesson]) -> PosteriorRidge:
    """A learner that took them one by one."""
    ridge = PosteriorRidge(CONTEXT_NAMES, ACTION_NAMES, actions=ACTIONS)
    for lesson in lessons:
        ridge.learn(lesson)
    return ridge


def learnt(lessons: Sequence[Lesson], *, seed: int = 7) -> dict[str, str]:
    """The SHA of what was learnt, by how it was learnt."""
    dice, made = random.Random(seed), dict[str, str]()
    for workers in WORKERS:
        shuffled = list(lessons)
        if workers > 1:
            dice.shuffle(shuffled)
        parts = [taught(shuffled[start::workers]) for start in range(workers)]
        dice.shuffle(parts)
        for part in parts[1:]:
            parts[0].merge(part)
        made[f"{workers} workers"] = sha_of(parts[0])
    return made


def restarted(lessons: Sequence[Lesson]) -> dict[str, str]:
    """The digest of the committee of a learner that lived through, and of one that was killed half way.

    The log is the learner's state: restarted it reads all again, and knows copies of what it took.
    """
    log = [orjson.dumps(lesson) for lesson in lessons]
    half = len(log) // 2
    _first_committee(log[:half])  # what the killed one knew is gone with it
    copied = [*log[:half], *log[max(0, half - 100) : half], *log[half:]]
    return {"lived through": _first_committee(log), "killed": _first_committee(copied)}


def _first_committee(log: Sequence[bytes]) -> str:
    learner = Learner(CONTEXT_NAMES, ACTION_NAMES, actions=ACTIONS)
    for offset, value in enumerate(log):
        error = learner.take(value, spot=(topics.LESSONS, 0), offset=offset)
        if error is not None:
            raise error
    said = next(said for said in learner.publish(0) if said.key == COMMITTEE)
    return decode_model(said.value or b"").digest


def sha_of(ridge: PosteriorRidge) -> str:
    """SHA-256 of every bit of a learner's sums."""
    digest = sha256()
    for epoch, sums in sorted(ridge.statistics().items()):
        digest.update(f"{epoch}:{sums.squares!r}".encode())
        for array in (sums.gram, sums.moment, sums.contexts):
            digest.update(array.tobytes())
        for action in sorted(sums.cross):
            digest.update(f"{action}:{sums.count[action]}:{sums.reward[action]!r}".encode())
            digest.update(sums.cross[action].tobytes())
    return digest.hexdigest()


def decide(
    folder: Path, lessons: Sequence[Lesson], *, count: int, seed: int
) -> dict[str, float | int]:
    """Decide while learning, and write the log: every decision with its snapshot and what came of it.

    Returns:
        How many were checked against the sum of their contributions, and the largest difference.
    """
    ridge, dice, least = taught(()), random.Random(seed), max(1, count // 20)
    pieces, most, checked = max(1, len(lessons) // 20), 0.0, 0
    (folder / SNAPSHOTS).mkdir()
    models = Models()
    with (folder / LOG).open("wb") as log:
        for number in range(count):
            if number % least == 0:
                version = number // least + 1
                for lesson in lessons[(version - 1) * pieces : version * pieces]:
                    ridge.learn(lesson)
                models = Models(committee=ridge.snapshot(version))
                assert models.committee is not None  # noqa: S101 - for the type checker
                (folder / SNAPSHOTS / str(version)).write_bytes(encode_model(models.committee)[1])
            offered = alternatives(dice, key=f"decision-{number}")
            choice = BANDITS["committee"].choose(offered, models=models, rules=RULES)
            log.write(orjson.dumps([version, *_written(offered), outcome(choice)]) + b"\n")
            if number % 10 == 0 and models.committee is not None:
                most = max(most, left_over(choice, offered, models.committee))
                checked += 1
    return {"checked": checked, "most": most}


def left_over(choice: Choice, offered: Alternatives, snapshot: CommitteeSnapshot) -> float:
    """What of the chosen action's score its reference and its contributions do not account for."""
    place = offered.actions.index(choice.action)
    base = reference(
        snapshot,
        action=choice.action,
        context=offered.contexts[place],
        action_features=offered.action_features[place],
    )
    parts = math.fsum(part for _, _, part in choice.contributions)
    return abs(base + parts - choice.scores[place])


def again(folder: Path) -> dict[str, int | str]:
    """Make the decisions of a log again from what the log says; how many come out otherwise."""
    digest, count, differ = sha256(), 0, 0
    models: dict[int, Models] = {}
    for path in (folder / SNAPSHOTS).iterdir():
        snapshot = decode_model(path.read_bytes())
        if isinstance(snapshot, CommitteeSnapshot):
            models[int(path.name)] = Models(committee=snapshot)
    with (folder / LOG).open("rb") as log:
        for line in log:
            version, key, explore, actions, contexts, which, offers, said = orjson.loads(line)
            rows = [tuple(row) for row in contexts]
            offered = Alternatives(
                actions=tuple(actions),
                contexts=tuple(rows[place] for place in which),
                action_features=tuple(map(tuple, offers)),
                key=key,
                explore=explore,
            )
            made = outcome(
                BANDITS["committee"].choose(offered, models=models[version], rules=RULES)
            )
            digest.update(made.encode())
            differ += made != said
            count += 1
    return {"decisions": count, "differ": differ, "sha": digest.hexdigest()}


def outcome(choice: Choice) -> str:
    """A digest of every bit of a choice."""
    numbers = np.array([*choice.scores, *choice.propensities, choice.propensity, choice.draw])
    told = orjson.dumps(choice.contributions)
    head = f"{choice.action}:{choice.arm}:{choice.votes}:{choice.model}".encode()
    return sha256(head + numbers.astype("<f8").tobytes() + told).hexdigest()[:24]


def chance(policy: str, snapshot: CommitteeSnapshot, *, draws: int) -> dict[str, float]:
    """Chi-square of what was chosen against the logged propensities, over some situations.

    Returns:
        The statistic, its degrees of freedom, and the 99.9 % quantile (Wilson & Hilferty 1931).
    """
    dice, models = random.Random(3), Models(committee=snapshot)
    statistic, freedom = 0.0, 0
    for situation in range(SITUATIONS):
        offered = structs.replace(alternatives(dice, key=""), explore=True)
        chosen: Counter[str] = Counter()
        for number in range(draws // SITUATIONS):
            keyed = structs.replace(offered, key=f"{situation}:{number}")
            choice = BANDITS[policy].choose(keyed, models=models, rules=RULES)
            chosen[choice.action] += 1
        total = chosen.total()
        expected = [
            (a, p * total) for a, p in zip(choice.actions, choice.propensities, strict=True)
        ]
        statistic += sum((chosen[a] - e) ** 2 / e for a, e in expected if e > 0.0)
        statistic += math.inf if any(chosen[a] for a, e in expected if e == 0.0) else 0.0
        freedom += sum(e > 0.0 for _, e in expected) - 1
    spread = 2.0 / (9.0 * max(freedom, 1))
    bound = freedom * (1.0 - spread + Z_999 * spread**0.5) ** 3
    return {"draws": draws, "statistic": statistic, "freedom": freedom, "bound": bound}


def alternatives(dice: random.Random, *, key: str) -> Alternatives:
    """Some offers and silence for somebody, by up to three purposes that see different things."""
    actions = (*sorted(dice.sample(ACTIONS, dice.randint(1, len(ACTIONS)))), SILENCE)
    contexts = [context(dice) for _ in range(dice.randint(1, 3))]
    return Alternatives(
        actions=actions,
        contexts=tuple(dice.choice(contexts) for _ in actions),
        action_features=tuple(features(dice) for _ in actions),
        key=key,
        explore=dice.random() >= BRAKED,
    )


def context(dice: random.Random) -> tuple[float, ...]:
    """On its grid, some of it withheld."""
    values = (dice.randint(-2048, 2048) / 1024 for _ in CONTEXT_NAMES[1:])
    return (1.0, *(value if dice.random() >= WITHHELD else 0.0 for value in values))


def features(dice: random.Random) -> tuple[float, ...]:
    """Of an offer, on their grid."""
    return (1.0, *(dice.randint(-64, 64) / 64 for _ in ACTION_NAMES[1:]))


def _written(offered: Alternatives) -> tuple[Any, ...]:
    rows = list(dict.fromkeys(offered.contexts))
    which = [rows.index(row) for row in offered.contexts]
    return offered.key, offered.explore, offered.actions, rows, which, offered.action_features


def _elsewhere(folder: Path, machine: dict[str, str]) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "scripts/evaluate", "replay", "--again", str(folder)],
        env={**os.environ, **machine},
        stdout=subprocess.PIPE,
        check=True,
        cwd=Path(__file__).resolve().parents[2],
    )
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _others(draws: int) -> list[tuple[str, int]]:
    return [(name, draws) for name in BANDITS if name != "committee"]
