"""Who takes an offer up: each row is predicted first and learnt afterwards, beside River's logistic model.

Area under the curve over all predictions in the file's order (`--shuffle` for a random one). What is
known only after the call (``duration``) is left out.
"""

import argparse
import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter

import numpy as np
from river import linear_model, preprocessing

from operators.propensity import Propensity
from schemas.models import Floats

LEFT_OUT = ("duration",)
REFRESH = 20
"""Answers between two Newton steps."""
DECILES = 10


def main(argv: Sequence[str]) -> int:
    """Run the evaluation; the exit status is 0."""
    parser = argparse.ArgumentParser(prog="scripts/evaluate acceptance", description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="table with a header, label last")
    parser.add_argument("--label", default="yes", help="the label's word for «taken up»")
    parser.add_argument("--shuffle", type=int, metavar="SEED", help="in a random order instead")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args(argv)
    names, rows = _read(options.data)
    if options.shuffle is not None:
        order = np.random.default_rng(options.shuffle).permutation(len(rows))
        rows = [rows[index] for index in order]
    answers = np.array([float(row[-1] == options.label) for row in rows])
    kept = [index for index, name in enumerate(names[:-1]) if name not in LEFT_OUT]
    contexts = encode([[row[index] for row in rows] for index in kept])
    started = perf_counter()
    predicted = _own(contexts, answers)
    own_us = (perf_counter() - started) * 1e6 / len(rows)
    started = perf_counter()
    rival = _river(contexts, answers)
    river_us = (perf_counter() - started) * 1e6 / len(rows)
    result = {
        "rows": len(rows),
        "features": contexts.shape[1],
        "auc": round(auc(predicted, answers), 4),
        "log_loss": round(_log_loss(predicted, answers), 4),
        "us_per_row": round(own_us, 1),
        "river_auc": round(auc(rival, answers), 4),
        "river_log_loss": round(_log_loss(rival, answers), 4),
        "river_us_per_row": round(river_us, 1),
    }
    print("\n".join(f"{key:18}{value}" for key, value in result.items()))
    if options.json:
        print(json.dumps(result))
    return 0


def encode(columns: Sequence[Sequence[str]]) -> Floats:
    """A constant, numbers standardised and by decile, words by indicator: shape (rows, d)."""
    parts = [np.ones((len(columns[0]), 1))]
    for column in columns:
        try:
            values = np.array(column, dtype=np.float64)
        except ValueError:
            levels = {word: index for index, word in enumerate(sorted(set(column)))}
            places = np.array([levels[word] for word in column])
            parts.append(np.eye(len(levels))[places])
            continue
        cuts = np.unique(np.quantile(values, np.arange(1, DECILES) / DECILES))
        spread = float(values.std()) or 1.0
        parts.append(((values - values.mean()) / spread)[:, None])
        parts.append(np.eye(len(cuts) + 1)[np.searchsorted(cuts, values)])
    return np.hstack(parts)


def auc(scores: Floats, answers: Floats) -> float:
    """The chance that a yes was scored above a no; ties count half.

    Example:
        >>> auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0.0, 1.0, 1.0]))
        0.75
    """
    _, places, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = np.cumsum(counts) - (counts - 1) / 2.0
    yes = float(answers.sum())
    above = float(ranks[places][answers == 1.0].sum()) - yes * (yes + 1.0) / 2.0
    return above / (yes * (len(answers) - yes))


def _own(contexts: Floats, answers: Floats) -> Floats:
    model = Propensity(contexts.shape[1])
    predicted = np.zeros(len(answers))
    for start in range(0, len(answers), REFRESH):
        part = slice(start, start + REFRESH)
        rows = contexts[part].tolist()
        predicted[part] = model.predict(rows)
        model.refresh(model.weigh(rows, answers[part].tolist()))
    return predicted


def _river(contexts: Floats, answers: Floats) -> Floats:
    model = preprocessing.StandardScaler() | linear_model.LogisticRegression()
    predicted = np.zeros(len(answers))
    for index, row in enumerate(contexts.tolist()):
        named = {str(place): value for place, value in enumerate(row)}
        predicted[index] = model.predict_proba_one(named).get(True, 0.5)
        model.learn_one(named, bool(answers[index]))
    return predicted


def _log_loss(predicted: Floats, answers: Floats) -> float:
    p = np.clip(predicted, 1e-6, 1.0 - 1e-6)
    return float(-np.mean(answers * np.log(p) + (1.0 - answers) * np.log(1.0 - p)))


def _read(path: Path) -> tuple[list[str], list[list[str]]]:
    raw = path.read_bytes()
    text = (gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw).decode("utf-8-sig")
    separator = max(",;\t", key=text.split("\n", 1)[0].count)
    names, *rows = csv.reader(io.StringIO(text), delimiter=separator)
    return names, rows
