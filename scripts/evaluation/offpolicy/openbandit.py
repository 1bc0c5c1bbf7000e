"""The Open Bandit data: two policies' logs of one campaign; each is estimated from the other's log.

The truth is what the estimated policy earned in its own log, which is itself noisy, and its interval is told.
`random` shows every item alike. `bts` (Bernoulli Thompson sampling) changed over its days and its log has the
chosen item's probability only; as a candidate it is taken to be the share in which it showed each item in
each position, clicks unseen.

Source: Saito, Aihara, Matsutani & Narita 2021, "Open Bandit Dataset and Pipeline".
"""

import argparse
import csv
import gzip
import io
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from operators.ope import ESTIMATORS
from operators.ope.compare import Finding, compare
from operators.ope.intervals import Z_95
from operators.ope.log import Log, Sample
from operators.ope.rewards import cross_fit
from schemas.models import Floats, Integers

POLICIES = ("random", "bts")
CAMPAIGNS = ("all", "men", "women")
LEVELS_MAX = 10
"""A user feature keeps its most frequent values."""


@dataclass(frozen=True)
class _Rows:
    """One policy's log, row by row in the order of time; ``users`` are words, shape (n, 4)."""

    items: Integers
    positions: Integers
    clicks: Floats
    propensities: Floats
    users: list[tuple[str, ...]]
    item_count: int


def here(folder: Path) -> bool:
    """Whether the folder holds the data, whole or a part of it."""
    return any(_file(folder, POLICIES[0], campaign) is not None for campaign in CAMPAIGNS)


def run(options: argparse.Namespace) -> dict[str, Any]:
    """Estimate both ways in every campaign.

    Raises:
        ValueError: A campaign that is asked for is not there, or a file is not as published.
    """
    wanted = options.campaign or [c for c in CAMPAIGNS if _file(options.log, "random", c)]
    results: list[dict[str, Any]] = []
    for campaign in wanted:
        logs = {policy: _read(options.log, policy, campaign) for policy in POLICIES}
        for source, target in (("random", "bts"), ("bts", "random")):
            result = {"campaign": campaign, "log": source, "candidate": target}
            result |= _judge(logs[source], logs[target], source, target, options)
            results.append(result)
            _tell(result)
    brief: dict[str, dict[str, Any]] = {}
    for row in results:
        brief.setdefault(row["campaign"], {})[f"{row['log']}_to_{row['candidate']}"] = {
            name: [found["relative_error"], *found["relative_error_interval"]]
            for name, found in row["estimates"].items()
        }
    return {"data": "open bandit", "relative_errors": brief, "results": results}


def _judge(
    mine: _Rows, theirs: _Rows, source: str, target: str, options: argparse.Namespace
) -> dict[str, Any]:
    count = max(mine.item_count, theirs.item_count)
    log = Log(
        actions=mine.items,
        rewards=mine.clicks,
        propensities=mine.propensities,
        contexts=_contexts(mine),
        action_count=count,
        logged=np.full((len(mine.items), count), 1.0 / count) if source == "random" else None,
        reward_range=(0.0, 1.0),
    )
    if target == "random":
        shares = np.full((len(mine.items), count), 1.0 / count)
    else:
        shares = _shown(theirs, count)[mine.positions]
    finding = compare(log, {target: shares}, seed=options.seed, insist=True)[0]
    sample = Sample(log, shares, cross_fit(log, seed=options.seed))
    truth = float(theirs.clicks.mean())
    return {
        "decisions": len(log),
        "clicks": int(mine.clicks.sum()),
        "truth": truth,
        "truth_interval": _wilson(float(theirs.clicks.sum()), len(theirs.clicks)),
        "overlap": _overlap(finding),
        "refused": list(finding.refused),
        "sequence": finding.sequence,
        "sequence_holds": finding.sequence is not None
        and finding.sequence[0] <= truth <= finding.sequence[1],
        "estimates": _errors(sample, finding, theirs.clicks, options),
    }


def _errors(
    sample: Sample, finding: Finding, clicks: Floats, options: argparse.Namespace
) -> Mapping[str, dict[str, Any]]:
    """Relative errors with bootstrap intervals: of the log alone, as published, and of both logs.

    Levers stay as chosen. Terms are resampled, which for the ratio of `snips` is its linear part.
    """
    truth = float(clicks.mean())
    source = np.random.default_rng(options.seed)
    count = len(sample.log)
    picks = [source.integers(0, count, count) for _ in range(options.resamples)]
    truths = np.array(
        [
            clicks[source.integers(0, len(clicks), len(clicks))].mean()
            for _ in range(options.resamples)
        ]
    )
    truths = np.maximum(truths, 1.0 / len(clicks))
    found: dict[str, dict[str, Any]] = {}
    for name, worth in finding.worths.items():
        terms = ESTIMATORS[name].estimate(sample).terms
        values = np.array([terms[pick].mean() for pick in picks])
        found[name] = {
            "value": worth.value,
            "interval": [worth.low, worth.high],
            "relative_error": round(abs(worth.value - truth) / truth, 4),
            "relative_error_mean": round(float((np.abs(values - truth) / truth).mean()), 4),
            "relative_error_interval": _middle(np.abs(values - truth) / truth),
            "relative_error_interval_both": _middle(np.abs(values - truths) / truths),
            "lever": None if worth.lever is None or np.isinf(worth.lever) else worth.lever,
            "truth_inside": worth.low <= truth <= worth.high,
        }
    return found


def _middle(values: Floats) -> list[float]:
    low, high = np.quantile(values, [0.025, 0.975])
    return [round(float(low), 4), round(float(high), 4)]


def _overlap(finding: Finding) -> dict[str, Any]:
    found = finding.overlap
    return {
        "effective": round(found.effective, 1),
        "effective_clicks": round(found.effective_rewards, 1),
        "weight_mean": round(found.weight_mean, 4),
        "weight_max": round(found.weight_max, 2),
        "missing": found.missing,
    }


def _wilson(yes: float, count: int) -> list[float]:
    """The 95 % interval of a share. Source: Wilson 1927."""
    share, z2 = yes / count, Z_95**2
    centre = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = Z_95 * (share * (1 - share) / count + z2 / (4 * count**2)) ** 0.5 / (1 + z2 / count)
    return [centre - half, centre + half]


def _tell(result: Mapping[str, Any]) -> None:
    low, high = result["truth_interval"]
    overlap = result["overlap"]
    print(
        f"{result['campaign']}: {result['candidate']} from the log of {result['log']}: truly"
        f" {result['truth']:.4%} ({low:.4%} to {high:.4%}); {result['clicks']} clicks in"
        f" {result['decisions']:,} decisions, worth {overlap['effective']:,.0f}"
    )
    for name, row in result["estimates"].items():
        one, two = row["relative_error_interval"]
        print(
            f"  {name:10}{row['value']:10.4%}   relative error {row['relative_error']:6.3f}"
            f"   ({one:.3f} to {two:.3f})"
        )
    sequence = result["sequence"]
    print(f"  at any time within {sequence[0]:.4%} to {sequence[1]:.4%}")
    for words in result["refused"]:
        print(f"  the log can't tell: {words}")


def _shown(rows: _Rows, count: int) -> Floats:
    """How often each item was shown in each position, shape (positions, items)."""
    shown = np.zeros((int(rows.positions.max()) + 1, count))
    np.add.at(shown, (rows.positions, rows.items), 1.0)
    shares: Floats = shown / shown.sum(axis=1, keepdims=True)
    return shares


def _contexts(rows: _Rows) -> Floats:
    """Position and user features by indicator, shape (n, d)."""
    parts = [np.eye(int(rows.positions.max()) + 1)[rows.positions]]
    for column in zip(*rows.users, strict=True):
        levels = [word for word, _ in sorted(Counter(column).most_common(LEVELS_MAX))]
        places = np.array(
            [levels.index(word) if word in levels else len(levels) for word in column]
        )
        parts.append(np.eye(len(levels) + 1)[places][:, : len(levels)])
    return np.hstack(parts)


def _file(folder: Path, policy: str, campaign: str) -> Path | None:
    for name in (f"{campaign}.csv", f"{campaign}.csv.gz"):
        path = folder / policy / campaign / name
        if path.is_file():
            return path
    return None


def _read(folder: Path, policy: str, campaign: str) -> _Rows:
    path = _file(folder, policy, campaign)
    if path is None:
        raise ValueError(
            f"{folder} has no {policy}/{campaign}/{campaign}.csv: name another campaign"
        )
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    try:
        rows.sort(key=lambda row: row["timestamp"])
        items = np.array([int(row["item_id"]) for row in rows])
        positions = np.array([int(row["position"]) - 1 for row in rows])
        clicks = np.array([float(row["click"]) for row in rows])
        propensities = np.array([float(row["propensity_score"]) for row in rows])
        users = [tuple(row[f"user_feature_{i}"] for i in range(4)) for row in rows]
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f"{path.name} is not as Open Bandit publishes it: {error!r}") from error
    return _Rows(items, positions, clicks, propensities, users, int(items.max()) + 1)
