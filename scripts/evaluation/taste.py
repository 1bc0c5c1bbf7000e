"""What else customers would hold: one product of each is hidden, and every model ranks what is not held.

The product's co-holdings (EASE) beside what is held most often, and beside River's matrix factorisation (`BiasedMF`,
held 1, a drawn product that is not held 0), which learns customer by customer and can neither be merged nor take a closed product back.
All learn from the same visible holdings. Data: the folder of the PKDD'99 Czech bank (cards, loans, standing orders, second
holders of accounts).
"""

import argparse
import csv
import json
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from time import process_time
from typing import Any

from river import reco

from operators.taste import Coholdings, score
from schemas.decisions import Lesson

Rank = Callable[[str, frozenset[str]], Mapping[str, float]]
"""A customer and what they visibly hold → a score by product."""
ORDERS: Mapping[str, str] = {
    "SIPO": "household_payment",
    "POJISTNE": "insurance",
    "LEASING": "leasing",
}
"""Standing orders for a loan are left out: they are the loan again."""
PASSES = 5
"""Over the holdings, for the model that steps."""
TOP = (1, 3)


def main(argv: Sequence[str]) -> int:
    """Run the evaluation; the exit status is 0."""
    parser = argparse.ArgumentParser(prog="scripts/evaluate taste", description=__doc__)
    parser.add_argument(
        "--berka", type=Path, required=True, help="folder with card.asc, loan.asc, …"
    )
    parser.add_argument("--seed", type=int, default=1, help="draws what is hidden")
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args(argv)
    held = read_berka(options.berka)
    visible, hidden = hide(held, seed=options.seed)
    result: dict[str, object] = {
        "customers": len(held),
        "hidden": len(hidden),
        "products": len({product for products in held.values() for product in products}),
    }
    makers = {"ease": ease, "popular": popular, "river_biased_mf": river_mf}
    for name, maker in makers.items():
        started = process_time()
        found = judge(maker(visible, options.seed), visible, hidden)
        result[name] = {**found, "cpu_s": round(process_time() - started, 2)}
        print(f"{name:16} {json.dumps(result[name])}", flush=True)
    if options.json:
        print(json.dumps(result))
    return 0


def read_berka(folder: Path) -> dict[str, frozenset[str]]:
    """What goes with each account: its owner's card, its loan, standing orders by kind, a second holder."""
    held: dict[str, set[str]] = {}
    account_of = {}
    for row in _rows(folder / "disp.asc"):
        account_of[row["disp_id"]] = row["account_id"]
        products = held.setdefault(row["account_id"], set())
        if row["type"] != "OWNER":
            products.add("second_holder")
    for row in _rows(folder / "card.asc"):
        held[account_of[row["disp_id"]]].add(f"card_{row['type']}")
    for row in _rows(folder / "loan.asc"):
        held[row["account_id"]].add("loan")
    for row in _rows(folder / "order.asc"):
        product = ORDERS.get(row["k_symbol"].strip())
        if product is not None:
            held[row["account_id"]].add(product)
    return {account: frozenset(products) for account, products in held.items()}


def hide(
    held: Mapping[str, frozenset[str]], *, seed: int
) -> tuple[dict[str, frozenset[str]], dict[str, str]]:
    """One product of every second customer who has two is hidden: what stays visible, and what is hidden."""
    draw = random.Random(seed)
    visible, hidden = dict(held), {}
    for customer, products in sorted(held.items()):
        if len(products) > 1 and draw.random() < 0.5:  # noqa: PLR2004 - every second
            hidden[customer] = draw.choice(sorted(products))
            visible[customer] = products - {hidden[customer]}
    return visible, hidden


def judge(
    rank: Rank, visible: Mapping[str, frozenset[str]], hidden: Mapping[str, str]
) -> dict[str, float]:
    """How often the hidden product is among the first of those not held, and 1/place on average."""
    hits, reciprocal = dict.fromkeys(TOP, 0), 0.0
    for customer, product in hidden.items():
        scores = rank(customer, visible[customer])
        ranked = sorted(scores, key=lambda p: (-scores[p], p))
        place = 1 + [p for p in ranked if p not in visible[customer]].index(product)
        reciprocal += 1.0 / place
        for top in TOP:
            hits[top] += place <= top
    found = {f"recall_{top}": round(hits[top] / len(hidden), 4) for top in TOP}
    return {**found, "reciprocal_rank": round(reciprocal / len(hidden), 4)}


def ease(visible: Mapping[str, frozenset[str]], seed: int) -> Rank:
    """The product's learner, lesson by lesson; equal likings go by how many hold it."""
    del seed
    learner, counts = Coholdings(), _counts(visible)
    for customer, products in visible.items():
        learner.learn(Lesson(customer, "holdings", customer, 0, holdings=tuple(sorted(products))))
    snapshot = learner.snapshot(1)
    most = max(counts.values()) * 1e6
    return lambda _, held: {
        product: score(snapshot, sorted(held), product) + count / most
        for product, count in counts.items()
    }


def popular(visible: Mapping[str, frozenset[str]], seed: int) -> Rank:
    """What most customers hold, whoever asks."""
    del seed
    counts = {product: float(count) for product, count in _counts(visible).items()}
    return lambda _, __: counts


def river_mf(visible: Mapping[str, frozenset[str]], seed: int) -> Rank:
    """River's factorisation of customers and products."""
    draw = random.Random(seed)
    model: Any = reco.BiasedMF(n_factors=10, seed=seed)
    products = sorted(_counts(visible))
    pairs = [(customer, product) for customer in visible for product in sorted(visible[customer])]
    for _ in range(PASSES):
        draw.shuffle(pairs)
        for customer, product in pairs:
            model.learn_one(user=customer, item=product, y=1.0)
            other = draw.choice(products)
            if other not in visible[customer]:
                model.learn_one(user=customer, item=other, y=0.0)
    return lambda customer, _: {
        product: model.predict_one(user=customer, item=product) for product in products
    }


def _counts(visible: Mapping[str, frozenset[str]]) -> Counter[str]:
    return Counter(product for products in visible.values() for product in products)


def _rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="latin-1", newline="") as lines:
        return list(csv.DictReader(lines, delimiter=";"))
