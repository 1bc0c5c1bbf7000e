"""Training rows to Parquet: what was known at each decision, what was done, and what came of it.

A row is one decision. Its features are worked out from the events before it on the log, all of them and not only
those that the decision looked at; nothing that came later can change one. A value is given only where its source
is granted for training at the moment of the decision and still at the end of the log: what was withdrawn since is
null, and who was erased is gone. The label is the last one that a learner was told, null where none was.
"""

import sys
from argparse import Namespace
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import nan
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
from numpy.typing import NDArray
from pyarrow import parquet

from flows.records import Record
from operators import consent
from operators.features import SPECS
from operators.lookup import look_up
from operators.sense import SOURCES_OF
from schemas import topics
from schemas.base import Purpose, Source
from schemas.customer import Customer
from schemas.decisions import SILENCE
from scripts.featurestore.deployment import recall_of, records
from scripts.featurestore.reading import known
from scripts.featurestore.recall import Logged, Recall, logged

FORMAT = "market-of-one.training/1"
LATENT: tuple[pa.Field, ...] = (
    pa.field("customer", pa.string(), nullable=False),
    pa.field("decision_id", pa.string(), nullable=False),
    pa.field("at", pa.timestamp("ms", tz="UTC"), nullable=False),
    pa.field("position", pa.string(), nullable=False),
    pa.field("action", pa.string(), nullable=False),
    pa.field("arm", pa.string(), nullable=False),
    pa.field("propensity", pa.float64(), nullable=False),
    pa.field("label", pa.float64()),
    pa.field("outcome", pa.string()),
)
"""The columns before the features; ``label`` is in units of `operators.learn.REWARD_SPEC`."""


@dataclass(slots=True, frozen=True)
class Row:
    """One decision: its values in the order of the names, NaN where training could not see them."""

    decision: Logged
    values: NDArray[np.float64]


class Rows:
    """Collects a row at each decision."""

    def __init__(self, names: Sequence[str]) -> None:
        """Begin without rows."""
        self.names = tuple(names)
        self.rows: list[Row] = []

    def __call__(self, decision: Logged, me: Customer) -> None:
        """Note what training may know at this decision."""
        answer = look_up(
            me, purpose=Purpose.MODEL_TRAINING, now_ms=decision.at_ms, names=self.names
        )
        values = np.array([answer.values.get(name, nan) for name in self.names])
        self.rows.append(Row(decision, values))


def export(options: Namespace) -> int:
    """Write the file; 1 when there is no row to write."""
    known(options.names)
    rows = Rows(options.names or [spec.name for spec in SPECS])
    recall = recall_of(options, watch=rows)
    roles = (topics.DECISIONS, topics.LESSONS, topics.CUSTOMER_EVENTS)
    table, newest_ms = training_table(records(options, roles), recall, rows)
    if not table.num_rows:
        sys.stderr.write("no row: no decision of anybody who agrees to training is on this log\n")
        return 1
    parquet.write_table(table, options.out, compression="zstd")
    labelled = table.num_rows - table["label"].null_count
    given = sum(table.num_rows - table[name].null_count for name in rows.names)
    print(
        f"{options.out}: {table.num_rows:,} rows of {len(set(table['customer'].to_pylist())):,} customers, "
        f"{len(rows.names)} features, {100 * given / table.num_rows / len(rows.names):.1f} % of values given, "
        f"{labelled:,} labels; {len(rows.rows) - table.num_rows:,} rows left out; log up to {newest_ms} ms"
    )
    return 0


def training_table(found: Iterable[Record], recall: Recall, rows: Rows) -> tuple[pa.Table, int]:
    """The rows of a log, and the time of its newest record.

    Args:
        found: Decisions and lessons before the events; events of a partition in its order.
        recall: Works the events out; its watch is ``rows``.
        rows: Collects.
    """
    labels: dict[str, tuple[float, str]] = {}
    newest_ms = 0
    for record in found:
        newest_ms = max(newest_ms, record.timestamp_ms)
        if record.topic == topics.DECISIONS:
            recall.expect(logged(record.value or b""))
        elif record.topic == topics.LESSONS:
            _learn(labels, orjson.loads(record.value or b"{}"))
        else:
            recall.take(record)
    recall.pass_time(newest_ms)
    granted: dict[str, frozenset[Source] | None] = {}
    for row in rows.rows:
        who = row.decision.customer
        if who not in granted:
            granted[who] = _still(recall.customer(who), now_ms=newest_ms)
    kept = [row for row in rows.rows if granted[row.decision.customer]]
    return _table(kept, rows.names, labels, granted), newest_ms


def _learn(labels: dict[str, tuple[float, str]], lesson: dict[str, Any]) -> None:
    if lesson.get("kind") == "reward":
        labels[lesson["decision_id"]] = (float(lesson["label"]), str(lesson["outcome"]))


def _still(me: Customer | None, *, now_ms: int) -> frozenset[Source] | None:
    """The sources that may be trained on now; None when nothing may."""
    if me is None:
        return None
    return consent.usable(me, Purpose.MODEL_TRAINING, now_ms=now_ms) or None


def _table(
    rows: Sequence[Row],
    names: Sequence[str],
    labels: dict[str, tuple[float, str]],
    granted: dict[str, frozenset[Source] | None],
) -> pa.Table:
    values = np.full((len(rows), len(names)), np.nan)
    for at, row in enumerate(rows):
        may = granted[row.decision.customer] or frozenset()
        values[at] = np.where([SOURCES_OF[name] <= may for name in names], row.values, np.nan)
    decisions = [row.decision for row in rows]
    # A label rests on all that its decision used: it goes where any of that was withdrawn.
    known_of = [
        labels.get(d.decision_id)
        if (granted[d.customer] or frozenset()).issuperset(map(Source, d.sources))
        else None
        for d in decisions
    ]
    columns: list[pa.Array] = [
        pa.array([d.customer for d in decisions], pa.string()),
        pa.array([d.decision_id for d in decisions], pa.string()),
        pa.array([d.at_ms for d in decisions], pa.timestamp("ms", tz="UTC")),
        pa.array([d.position for d in decisions], pa.string()),
        pa.array([d.action for d in decisions], pa.string()),
        pa.array([d.arm for d in decisions], pa.string()),
        pa.array([d.propensity for d in decisions], pa.float64()),
        pa.array([None if one is None else one[0] for one in known_of], pa.float64()),
        pa.array([None if one is None else one[1] for one in known_of], pa.string()),
    ]
    columns += [
        pa.array(values[:, at], pa.float64(), mask=np.isnan(values[:, at]))
        for at in range(len(names))
    ]
    spec_of = {spec.name: spec for spec in SPECS}
    fields = [
        pa.field(
            name,
            pa.float64(),
            metadata={"source": spec_of[name].source.value, "unit": spec_of[name].unit},
        )
        for name in names
    ]
    said = sum(
        count for action, count in Counter(d.action for d in decisions).items() if action != SILENCE
    )
    facts = {"format": FORMAT, "decisions": str(len(rows)), "said": str(said)}
    return pa.Table.from_arrays(columns, schema=pa.schema([*LATENT, *fields], metadata=facts))
