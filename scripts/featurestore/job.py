"""``scripts/features reconcile``: zero mismatches between what decisions saw and what the events say, or each of them."""

import signal
import sys
import time
from argparse import Namespace
from collections.abc import Iterable
from dataclasses import asdict

import orjson

from flows.records import Record
from schemas import topics
from schemas.base import Source
from scripts.auditing.logs import READ, dump
from scripts.featurestore.deployment import recall_of, records
from scripts.featurestore.recall import logged
from scripts.featurestore.reconcile import Comparison, Report
from scripts.featurestore.simulated import PLANTS, Lived, Plan, simulate


def reconcile(options: Namespace) -> int:
    """Compare; 0 when nothing differs, 1 when something does, 2 when there is nothing to compare."""
    if options.plant and options.plant not in PLANTS:
        message = f"{options.plant} is no fault: {', '.join(PLANTS)}"
        raise ValueError(message)
    began_s, cpu_s = time.monotonic(), time.process_time()
    comparison, lived = _simulated(options) if options.simulate else _logged(options)
    report = comparison.report
    _show(report, lived)
    wrong = report.mismatched + report.tampered + lived.unmet
    spent_s, cpu_s = time.monotonic() - began_s, time.process_time() - cpu_s
    print(f"{wrong} mismatches of {report.values:,} values ({spent_s:.0f} s, {cpu_s:.0f} s of CPU)")
    if options.json:
        body = {
            "events": lived.events,
            "late": lived.late,
            "duplicates": lived.twice,
            "decisions": report.decisions,
            "records": report.records,
            "values": report.values,
            "not_compared": report.not_compared,
            "mismatches": report.mismatched,
            "tampered": report.tampered,
            "unmet": lived.unmet,
            "by_feature": dict(report.by_feature),
            "shown": [asdict(one) for one in report.shown],
            "seconds": round(spent_s, 1),
            "cpu_seconds": round(cpu_s, 1),
        }
        print(orjson.dumps(body).decode())
    if not report.decisions:
        sys.stderr.write("nothing to compare: no decision is on this log\n")
        return 2
    return 1 if wrong else 0


def _simulated(options: Namespace) -> tuple[Comparison, Lived]:
    """A town's life; Ctrl-C ends it sooner, and what was lived through is reported."""
    comparison = Comparison()
    asked: list[int] = []
    before = signal.signal(signal.SIGINT, lambda number, _: asked.append(number))
    lived = simulate(
        Plan(options.events, options.customers, options.seed, options.plant),
        comparison,
        keep=frozenset(READ) if options.keep else frozenset(),
        told=lambda words: print(words, file=sys.stderr, flush=True),
        stopped=lambda: bool(asked),
    )
    signal.signal(signal.SIGINT, before)
    if options.keep:
        dump(lived.kept, options.keep)
    return comparison, lived


def _logged(options: Namespace) -> tuple[Comparison, Lived]:
    """From a broker or a dump, where a message's reading can't be had again."""
    comparison = Comparison(skip=frozenset({Source.MESSAGES}))
    recall = recall_of(options, watch=comparison)
    lived = Lived()
    kept: list[Record] = []
    newest_ms = 0
    found: Iterable[Record] = records(options, (topics.DECISIONS, topics.CUSTOMER_EVENTS))
    for record in found:
        if options.keep:
            kept.append(record)
        newest_ms = max(newest_ms, record.timestamp_ms)
        if record.topic == topics.DECISIONS:
            recall.expect(logged(record.value or b""))
        else:
            recall.take(record)
            lived.events += 1
    recall.pass_time(newest_ms)
    lived.unmet = recall.unmet
    if options.keep:
        dump(kept, options.keep)
    return comparison, lived


def _show(report: Report, lived: Lived) -> None:
    if lived.days:
        print(
            f"{lived.days:,.1f} days of a town: {lived.late:,} events late, {lived.twice:,} twice"
        )
    print(
        f"{lived.events:,} events, {report.decisions:,} decisions, {report.values:,} values compared"
    )
    if report.records:
        print(f"{report.records:,} records compared as a whole, every feature of them")
    if report.not_compared:
        print(
            f"{report.not_compared:,} values of messages not compared: their model is not on the log"
        )
    if report.tampered:
        print(f"{report.tampered:,} decisions whose features are not those of their digest")
    if lived.unmet:
        print(f"{lived.unmet:,} decisions or records that the events do not lead to")
    for name, count in report.by_feature.most_common():
        print(f"  {count:>8,}  {name}")
    for one in report.shown:
        print(
            f"{one.customer} at {one.position}: {one.feature} {one.logged} logged, {one.recomputed} again"
        )
