"""How well choosing is learnt: a simulated bank with a known truth, without a broker, one run for each seed.

Everything is as in `scripts/demo`: the same town, stages, learner and shares of arms; only the log is a list.
Learners never see the truth. Counted figures are per customer, by arm; true ones compare, at the moments of
the committee, what it chose with an even draw, with what was taken up most often so far, and with the best.
"""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean, stdev
from typing import Any

import orjson

from flows.assembly import world_of
from flows.driver import Driver
from flows.learn import Learner
from flows.records import Draft, Record
from flows.settings import load
from operators.arbitrate import CONTEXT_NAMES
from operators.contracts import World
from operators.offers import ACTION_NAMES
from schemas import topics
from scripts.console.acceptance import ARMS, JUDGED_MAX
from scripts.console.tally import Header, Tally
from scripts.demo_app.settings_file import CONTROL_SHARE, HOLDOUT_SHARE
from scripts.demo_app.world import TownWorld

EVENTS = 54_000
"""Three minutes of the demo."""
CUSTOMERS = 1_050
UNREAD = "messages"
"""Reading texts would take most of the time, and the reader is measured elsewhere."""
HARMS: tuple[str, ...] = ("dismissed", "muted", "complained")


@dataclass(slots=True, frozen=True)
class Report:
    """One run: counted per 100 customers and EUR per customer by arm, and true means a moment."""

    seed: str
    taken_committee: float
    taken_random: float
    worth_committee: float
    worth_random: float
    chance: dict[str, float]
    worth: dict[str, float]
    captured: float
    """(worth chosen − even) / (best − even), over all moments of the committee: 1 − normalised regret."""
    harm: dict[str, dict[str, float]]
    """Unwelcome answers per 100 words, by arm."""


class Listening(Driver):
    """A driver that hands on what is said and decided, and keeps nothing but lessons."""

    def __init__(self, *, heard: list[tuple[str, dict[str, Any]]], **options: Any) -> None:
        """As a `Driver`; ``heard`` receives what the demo would read from the broker."""
        self._heard = heard
        super().__init__(**options)

    def _append(self, draft: Draft) -> Record:
        record = super()._append(draft)
        if record.topic in {topics.OFFERS, topics.DECISIONS, topics.IMPACT} and record.value:
            self._heard.append((record.topic, orjson.loads(record.value)))
        if record.topic != topics.LESSONS:
            self._logs[record.topic].clear()
        return record


def main(argv: Sequence[str]) -> int:
    """Run the evaluation; the exit status is 0."""
    parser = argparse.ArgumentParser(prog="scripts/evaluate town", description=__doc__)
    parser.add_argument("--seeds", nargs="+", default=["1", "2", "3"], help="towns to found")
    parser.add_argument("--events", type=int, default=EVENTS, help="events of each run")
    parser.add_argument("--customers", type=int, default=CUSTOMERS, help="residents of each town")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args(argv)
    reports = []
    for seed in options.seeds:
        report = live(seed, customers=options.customers, events=options.events)
        reports.append(report)
        print(words(report), flush=True)
    gains = [report.taken_committee - report.taken_random for report in reports]
    worths = [report.worth_committee - report.worth_random for report in reports]
    result = {
        "seeds": len(reports),
        "taken_gain_per_100": _mean(gains),
        "worth_gain_eur": _mean(worths),
        "captured": _mean([report.captured for report in reports]),
        "runs": [asdict(report) for report in reports],
    }
    if options.json:
        print(json.dumps(result))
    return 0


def live(seed: str, *, customers: int, events: int) -> Report:
    """Let a town live for so many events, and read the tally."""
    town = TownWorld(seed, customers)
    tally = Tally(Header("no broker", town.name, seed, customers))
    heard: list[tuple[str, dict[str, Any]]] = []
    harm = {arm: dict.fromkeys(HARMS, 0) for arm in ARMS}
    world = world_with_control()
    learner = Learner(CONTEXT_NAMES, ACTION_NAMES, actions=[item.id for item in world.catalogue])
    driver: Listening | None = None
    for _, record in zip(range(events), town.events(), strict=False):
        tally.sent(record.event, at_ms=record.at_ms, wall_ms=record.at_ms)
        if driver is None:
            driver = Listening(heard=heard, world=world, learner=learner.hear, now_ms=record.at_ms)
        if record.topic == UNREAD:
            continue
        driver.advance_to(max(record.at_ms, driver.now_ms))
        driver.send(record.topic, record.value(), key=record.key)
        for topic, body in heard:
            tally.take(topic, body)
            if topic == topics.DECISIONS:
                town.judge(body, tally)
            elif topic == topics.OFFERS:
                town.hear(body)
            elif body.get("outcome") in HARMS and body.get("arm") in {"treatment", "control"}:
                arm = "control" if body["arm"] == "control" else "committee"
                harm[arm][body["outcome"]] += 1
        heard.clear()
    return _report(seed, tally, harm)


def words(report: Report) -> str:
    """A run in one line."""
    return (
        f"seed {report.seed}: taken up by {report.taken_committee:.1f} of 100 customers, random"
        f" {report.taken_random:.1f}; worth {report.worth_committee:.2f} EUR each, random"
        f" {report.worth_random:.2f}; true worth a moment {report.worth['chosen']:.2f}, random"
        f" {report.worth['even']:.2f}, greedy {report.worth['greedy']:.2f}, best"
        f" {report.worth['best']:.2f}: {100 * report.captured:.0f} % of what choosing can add"
    )


def world_with_control() -> World:
    """The default world with the demo's shares of holdout and control."""
    world = world_of(load(None))
    shares = {"holdout_share": HOLDOUT_SHARE, "control_share": CONTROL_SHARE}
    return replace(world, rules=world.rules.model_copy(update=shares))


def _report(seed: str, tally: Tally, harm: dict[str, dict[str, int]]) -> Report:
    ours, theirs = (tally.acceptance.count(arm) for arm in ARMS)
    truth = tally.acceptance.lately(ARMS[0], last=JUDGED_MAX)
    if truth is None:
        raise SystemExit("nothing could be said in so few events: give more with --events")
    chance, worth = truth
    return Report(
        seed=seed,
        taken_committee=100 * ours.taken / ours.customers,
        taken_random=100 * theirs.taken / max(theirs.customers, 1),
        worth_committee=ours.worth_eur / ours.customers,
        worth_random=theirs.worth_eur / max(theirs.customers, 1),
        chance=asdict(chance),
        worth=asdict(worth),
        captured=(worth.chosen - worth.even) / max(worth.best - worth.even, 1e-9),
        harm={
            arm: {
                name: 100 * count / max(tally.acceptance.count(arm).said, 1)
                for name, count in found.items()
            }
            for arm, found in harm.items()
        },
    )


def _mean(values: Sequence[float]) -> dict[str, float]:
    error = stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")
    return {"mean": round(fmean(values), 3), "se": round(error, 3)}
