"""Whether a fault was survived: state and outputs against those of an uninterrupted run over the same log."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

import orjson

from flows import outputs
from flows.records import Record
from schemas import topics
from scripts.campaign.lab import SHARDS, Lab
from scripts.campaign.truth import ShardTruth, fingerprint, gathered, log, stored, truths
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
    for role in topics.OUTPUTS:
        found = list(log(lab.connection, role, range(SHARDS)))
        _compare(verdict, role, found, truth)
        if role in ONCE:
            _once(verdict, role, found)
        if role == topics.DEAD_LETTERS:
            _only(verdict, found, lab.bad)
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


def _compare(
    verdict: Verdict, role: str, found: Sequence[Record], truth: dict[int, ShardTruth]
) -> None:
    wanted: dict[str, str] = {}
    droppable: set[str] = set()
    for one in truth.values():
        wanted |= one.said.get(role, {})
        droppable.update(one.droppable)
    seen: Counter[str] = Counter()
    other = []
    for record in found:
        said_id = dict(record.headers)[outputs.ID].decode()
        seen[said_id] += 1
        if said_id in wanted and wanted[said_id] != fingerprint(record):
            other.append(said_id)
    verdict.differ(f"lost on {role}", list(wanted.keys() - seen.keys() - droppable))
    verdict.differ(f"not to be on {role}", list(seen.keys() - wanted.keys()))
    verdict.differ(f"twice on {role}", [one for one, count in seen.items() if count > 1])
    verdict.differ(f"with other bytes on {role}", other)


def _once(verdict: Verdict, role: str, found: Sequence[Record]) -> None:
    """By the decision's own id, as a consumer that knows no headers would see it."""
    ids = Counter[str]()
    for record in found:
        body = orjson.loads(record.value or b"{}")
        if role == topics.DECISIONS or body.get("type") == "offer.issued":
            ids[str(body.get("decision_id"))] += 1
    verdict.differ(f"decision ids twice on {role}", [one for one, n in ids.items() if n > 1])


def _only(verdict: Verdict, found: Sequence[Record], bad: Sequence[bytes]) -> None:
    """Dead letters are the bad records, each once, and nothing else."""
    have, wanted = Counter(r.value or b"" for r in found), Counter(bad)
    words = [value.decode(errors="replace")[:40] for value in (have - wanted)]
    verdict.differ("dead letters of what was good", words)
    words = [value.decode(errors="replace")[:40] for value in (wanted - have)]
    verdict.differ("bad records without a dead letter", words)
