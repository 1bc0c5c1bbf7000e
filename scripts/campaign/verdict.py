"""Whether a fault was survived: state and outputs against those of an uninterrupted run over the same log."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import orjson

from flows import outputs
from flows.records import Record
from schemas import topics
from scripts.campaign.lab import SHARDS, Lab
from scripts.campaign.reading import log
from scripts.campaign.truth import ShardTruth, fingerprint, gathered, stored, truths
from state.directory import MANIFEST

SHOWN = 3
ONCE: tuple[str, ...] = (topics.DECISIONS, topics.OFFERS)
"""Where each decision's id may stand once."""


@dataclass(slots=True)
class Verdict:
    """What was found wrong, in words, and what was counted."""

    wrong: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def survived(self) -> bool:
        """Whether nothing was wrong."""
        return not self.wrong

    def differ(self, what: str, keys: Sequence[str]) -> None:
        """Note keys that are not as they should be."""
        if keys:
            shown = ", ".join(sorted(keys)[:SHOWN])
            self.wrong.append(f"{len(keys)} × {what}: {shown}")


def judge(lab: Lab) -> Verdict:
    """Compare everything that the workers left with what should be there.

    The lab's workers have ended, all of the log decided on.
    """
    verdict = Verdict()
    truth = truths(lab.config, range(SHARDS), records=lab.fed)
    for one in truth.values():
        verdict.counts.update(one.counts)
    outputs_of = {role: Outputs(role, truth.values()) for role in topics.OUTPUTS}
    for record in log(lab.connection, topics.OUTPUTS, range(SHARDS)):
        outputs_of[record.topic].take(record)
    for found in outputs_of.values():
        found.compare(verdict, bad=lab.bad)
    alone = (lab.state / MANIFEST).exists()
    state = lab.state if alone else gathered(lab.state, lab.settings, range(SHARDS))
    held = stored(state, lab.settings, range(SHARDS), lab.stream.names)
    for number, one in truth.items():
        have = held[number]
        keys = one.state.keys() | have.keys()
        verdict.differ(
            f"state of shard {number} not that of an uninterrupted run",
            [key for key in keys if one.state.get(key) != have.get(key)],
        )
    return verdict


class Outputs:
    """What lies on one output topic, beside what an uninterrupted run says there."""

    def __init__(self, role: str, truth: Iterable[ShardTruth]) -> None:
        """Nothing is read yet."""
        self._role = role
        self._wanted: dict[str, str] = {}
        self._droppable: set[str] = set()
        for one in truth:
            self._wanted |= one.said.get(role, {})
            self._droppable.update(one.droppable)
        self._seen: Counter[str] = Counter()
        self._other: list[str] = []
        self._decisions: Counter[str] = Counter()
        self._letters: Counter[bytes] = Counter()

    def take(self, record: Record) -> None:
        """Count one record."""
        said_id = dict(record.headers)[outputs.ID].decode()
        self._seen[said_id] += 1
        if said_id in self._wanted and self._wanted[said_id] != fingerprint(record):
            self._other.append(said_id)
        if self._role in ONCE:
            # By the decision's own id, as a consumer that knows no headers would see it.
            body = orjson.loads(record.value or b"{}")
            if self._role == topics.DECISIONS or body.get("type") == "offer.issued":
                self._decisions[str(body.get("decision_id"))] += 1
        if self._role == topics.DEAD_LETTERS:
            self._letters[record.value or b""] += 1

    def compare(self, verdict: Verdict, *, bad: Sequence[bytes]) -> None:
        """Note what is wrong; dead letters are the bad records, each once, and nothing else."""
        role, seen, wanted = self._role, self._seen, self._wanted
        verdict.differ(f"lost on {role}", list(wanted.keys() - seen.keys() - self._droppable))
        verdict.differ(f"not to be on {role}", list(seen.keys() - wanted.keys()))
        verdict.differ(f"twice on {role}", _repeated(seen))
        verdict.differ(f"with other bytes on {role}", self._other)
        verdict.differ(f"decision ids twice on {role}", _repeated(self._decisions))
        if role == topics.DEAD_LETTERS:
            have, due = self._letters, Counter(bad)
            verdict.differ("dead letters of what was good", _shown(have - due))
            verdict.differ("bad records without a dead letter", _shown(due - have))


def _repeated(counts: Counter[str]) -> list[str]:
    return [one for one, count in counts.items() if count > 1]


def _shown(values: Iterable[bytes]) -> list[str]:
    return [value.decode(errors="replace")[:40] for value in values]
