from dataclasses import replace

import numpy as np
import pytest

from operators.bandits.committee import PosteriorCommittee
from operators.bandits.ridge import Levers, PosteriorRidge
from operators.contracts import Alternatives
from operators.drift import foretold
from operators.value.ledgers import expected, told
from schemas.base import DAY_MS
from schemas.decisions import Lesson
from schemas.models import NO_LEDGERS, Models
from schemas.rules import Rules

NAMES, FEATURES = ("const", "balance"), ("bias", "credit")
GIFT, LOAN = (1.0, 0.0), (1.0, 1.0)
OF_ACTION = {"gift": GIFT, "loan": LOAN}
CONTEXT = (1.0, 0.5)


def lesson(number: int, action: str, customer: float, bank: float) -> Lesson:
    """A decision that brought so much to each, in units of 10 EUR."""
    return Lesson(
        f"l{number}",
        "reward",
        "c",
        number * DAY_MS // 16,
        action=action,
        context=(1.0, (number % 5) / 4),
        action_features=OF_ACTION[action],
        label=customer + bank,
        bank=bank,
    )


def learner(*, weight_customer: float = 1.0, weight_bank: float = 1.0) -> PosteriorRidge:
    """The gift brings the customer 2 and costs the bank 1; the loan brings the bank 3 and costs the customer 1."""
    levers = Levers(
        ridge=2.0,
        ridge_main=2.0,
        ridge_offset=2.0,
        prior=(),
        weight_customer=weight_customer,
        weight_bank=weight_bank,
    )
    ridge = PosteriorRidge(NAMES, FEATURES, levers=levers)
    for number in range(400):
        action = ("gift", "loan")[number % 2]
        ridge.learn(lesson(number, action, *((2.0, -1.0), (-1.0, 3.0))[number % 2]))
    return ridge


@pytest.mark.parametrize(("action", "customer", "bank"), [("gift", 2.0, -1.0), ("loan", -1.0, 3.0)])
def test_each_ledger_is_what_it_got(action: str, customer: float, bank: float) -> None:
    """Sums of two accounts, learnt with one matrix: what each got is not mixed up with the other's."""
    worth = expected(
        learner().snapshot(1), action=action, context=CONTEXT, action_features=OF_ACTION[action]
    )
    assert worth is not None
    assert worth.customer == pytest.approx(customer, abs=0.1)
    assert worth.bank == pytest.approx(bank, abs=0.1)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (2.0, 0.5), (0.25, 4.0)])
def test_the_score_is_the_sum_by_the_stated_weights(weights: tuple[float, float]) -> None:
    """What is told of the ledgers, the weights and the price adds up to what the choice was made by."""
    ridge = learner(weight_customer=weights[0], weight_bank=weights[1])
    snapshot = ridge.snapshot(1, prices={"loan": 0.5})
    actions = Alternatives(("gift", "loan"), (CONTEXT,) * 2, (GIFT, LOAN), "d")
    choice = PosteriorCommittee().choose(actions, models=Models(snapshot), rules=Rules())
    for action, score in zip(choice.actions, choice.scores, strict=True):
        worth = expected(
            snapshot, action=action, context=CONTEXT, action_features=OF_ACTION[action]
        )
        assert worth is not None
        assert worth.weights == weights
        assert worth.score == pytest.approx(score, abs=1e-5)


def test_the_weights_decide() -> None:
    """Who counts more gets the choice: the same lessons, another stated weight."""
    actions = Alternatives(("gift", "loan"), (CONTEXT,) * 2, (GIFT, LOAN), "d", explore=False)
    chosen = {
        bank: PosteriorCommittee()
        .choose(actions, models=Models(learner(weight_bank=bank).snapshot(1)), rules=Rules())
        .action
        for bank in (0.0, 1.0)
    }
    assert chosen == {0.0: "gift", 1.0: "loan"}


def test_revisions_move_the_ledger_that_they_name() -> None:
    """After any revisions the sums are those of the last labels, to the bit."""
    revised, last = (PosteriorRidge(NAMES, FEATURES) for _ in range(2))
    first = lesson(1, "loan", 1.0, 0.5)
    revised.learn(first)
    revised.learn(replace(first, label=4.0, label_before=1.5, bank=2.0))
    last.learn(replace(first, label=4.0, bank=2.5))
    assert revised.snapshot(1).ledgers.tobytes() == last.snapshot(1).ledgers.tobytes()
    assert revised.snapshot(1).digest == last.snapshot(1).digest


def test_drift_is_looked_for_in_the_plain_sum() -> None:
    """Labels weigh nothing, so what is foretold of them doesn't either."""
    snapshot = learner(weight_customer=3.0, weight_bank=0.1).snapshot(1, prices={"gift": 0.5})
    one = lesson(2, "gift", 0.0, 0.0)
    assert foretold(snapshot, one) == pytest.approx(1.0, abs=0.1)


def test_it_is_told_in_money_and_words() -> None:
    """Both accounts and both weights, by the snapshot that chose; nothing where none of two ledgers did."""
    snapshot = learner(weight_bank=0.5).snapshot(1)
    models = Models(committee=replace(snapshot, digest="other"), challenger=snapshot)
    ask = {"action": "loan", "context": CONTEXT, "action_features": LOAN}
    worth = told(models, snapshot.digest, **ask)  # type: ignore[arg-type]  # of one shape
    assert worth is not None
    assert worth["customer_minor"] == pytest.approx(-1000, abs=100)
    assert worth["bank_minor"] == pytest.approx(3000, abs=100)
    assert (worth["weight_customer"], worth["weight_bank"]) == (1.0, 0.5)
    assert "EUR to the bank" in worth["words"]
    assert "counted 1, one of the bank's 0.5" in worth["words"]
    assert told(models, "unknown", **ask) is None  # type: ignore[arg-type]  # as above
    old = replace(snapshot, ledgers=NO_LEDGERS)
    assert told(Models(committee=old), old.digest, **ask) is None  # type: ignore[arg-type]  # as above


def test_a_context_of_another_release_is_not_guessed_at() -> None:
    """Other features than the snapshot's: nothing is said."""
    snapshot = learner().snapshot(1)
    assert expected(snapshot, action="loan", context=(1.0,), action_features=LOAN) is None
    assert np.isfinite(snapshot.ledgers).all()
