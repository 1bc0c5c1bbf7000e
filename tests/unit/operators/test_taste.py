from itertools import permutations

import numpy as np
import pytest

from operators.taste import Coholdings, score
from schemas.decisions import Lesson
from schemas.models import TasteSnapshot


def holdings(now: str, before: str = "") -> Lesson:
    """A customer's products, in words."""
    return Lesson(
        lesson_id=f"{before}>{now}",
        kind="holdings",
        customer="c-1",
        at_ms=0,
        holdings=tuple(now.split()),
        holdings_before=tuple(before.split()),
    )


def travellers() -> TasteSnapshot:
    """A hundred hold card and travel cover, a hundred card and pot, fifty a mortgage alone."""
    learner = Coholdings()
    for _ in range(100):
        learner.learn(holdings("card travel"))
        learner.learn(holdings("card pot"))
    for _ in range(50):
        learner.learn(holdings("mortgage"))
    return learner.snapshot(1)


def test_what_goes_together_is_liked() -> None:
    """Travel cover goes with the card; a mortgage with nothing."""
    taste = travellers()
    assert score(taste, ("card",), "travel") > 0.5
    assert score(taste, ("card",), "mortgage") == 0.0
    assert score(taste, ("mortgage",), "travel") == 0.0
    assert score(taste, ("card", "pot"), "travel") < score(taste, ("card",), "travel")


def test_what_is_held_or_unknown_is_not_liked() -> None:
    """There is nothing to propose in a product that is held, or that nobody holds."""
    assert score(travellers(), ("card",), "card") == 0.0
    assert score(travellers(), ("card",), "yacht") == 0.0
    assert score(Coholdings().snapshot(1), ("card",), "pot") == 0.0


def test_the_weights_are_ease() -> None:
    """Zero diagonal, and elsewhere the closed form of the constrained ridge regression."""
    taste = travellers()
    gram = np.array(
        [[200, 0, 100, 100], [0, 50, 0, 0], [100, 0, 100, 0], [100, 0, 0, 100]], dtype=np.float64
    )
    assert taste.products == ("card", "mortgage", "pot", "travel")
    inverse = np.linalg.inv(gram + 20 * np.eye(4))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0.0)
    assert taste.weights == pytest.approx(expected, abs=2**-20)


def test_a_closed_product_is_taken_back_without_a_trace() -> None:
    """Opening and closing leaves the counts, and so the digest, as they were."""
    learner = Coholdings()
    learner.learn(holdings("card"))
    before = learner.snapshot(1)
    learner.learn(holdings("card pot", "card"))
    learner.learn(holdings("card", "card pot"))
    assert learner.snapshot(1).digest == before.digest


def test_order_and_merging_do_not_matter() -> None:
    """Counts add up the same, however they are split."""
    lessons = [holdings("card pot"), holdings("card"), holdings("pot travel", "pot")]
    digests = set()
    for order in permutations(lessons):
        learner, other = Coholdings(), Coholdings()
        learner.learn(order[0])
        other.learn(order[1])
        other.learn(order[2])
        learner.merge(other)
        digests.add(learner.snapshot(1).digest)
    assert len(digests) == 1


def test_a_liking_is_a_share() -> None:
    """Never above one, whatever is held, and the same in any order of holdings."""
    taste = travellers()
    for held in permutations(("card", "pot", "mortgage")):
        assert 0.0 <= score(taste, held, "travel") < 1.0
        assert score(taste, held, "travel") == score(taste, ("card", "pot", "mortgage"), "travel")
