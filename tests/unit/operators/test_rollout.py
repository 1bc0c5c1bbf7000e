from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from operators.bandits import BANDITS
from operators.bandits.ridge import PosteriorRidge
from operators.contracts import Alternatives
from operators.rollout import beside
from schemas.decisions import Choice
from schemas.models import Models, Rollout
from schemas.rules import Rules
from tests import alternatives as cases

CHAMPION = cases.snapshot()
CHALLENGER = replace(CHAMPION, theta=-CHAMPION.theta, mean=-CHAMPION.mean, digest="challenger")


def models(**rollout: float | str) -> Models:
    """A champion, and its opposite on trial."""
    return Models(CHAMPION, challenger=CHALLENGER, rollout=Rollout(**rollout))  # type: ignore[arg-type]


def choose(offered: Alternatives, given: Models) -> Choice:
    """What is chosen, the challenger heard."""
    choice = BANDITS["committee"].choose(offered, models=given, rules=Rules())
    return beside(choice, offered, models=given, rules=Rules())


def test_in_shadow_nothing_changes_but_the_log() -> None:
    """The champion chooses; the challenger's probability of that stands beside it."""
    offered = cases.pot_or_loan(0.3)
    alone = BANDITS["committee"].choose(offered, models=models(), rules=Rules())
    heard = choose(offered, models(shadow=1.0))
    assert structs.replace(heard, rival=None) == alone
    rival = BANDITS["committee"].choose(offered, models=Models(committee=CHALLENGER), rules=Rules())
    assert heard.rival is not None
    assert heard.rival.propensity == rival.propensities[offered.actions.index(alone.action)]
    assert (heard.rival.action, heard.rival.served) == (rival.action, False)


def test_a_share_is_heard() -> None:
    """Of many decisions the share is scored, always the same ones."""
    offered = [cases.pot_or_loan(0.3, key=f"k-{n}") for n in range(1000)]
    heard = [choose(one, models(shadow=0.2)).rival is not None for one in offered]
    assert 150 < sum(heard) < 250
    assert heard == [choose(one, models(shadow=0.2)).rival is not None for one in offered]


@given(
    offered=cases.alternatives(),
    canary=st.floats(0.01, 0.99),
    policy=st.sampled_from(["committee", "inverse_gap"]),
)
def test_the_propensity_is_the_mixtures(offered: Alternatives, canary: float, policy: str) -> None:
    """Whoever chose, the logged probabilities are those of the mixture, and sum to one."""
    given_ = models(canary=canary, policy=policy)
    choice = choose(offered, given_)
    ours = BANDITS["committee"].choose(offered, models=given_, rules=Rules())
    theirs = BANDITS[policy].choose(offered, models=Models(committee=CHALLENGER), rules=Rules())
    for mixed, one, other in zip(
        choice.propensities, ours.propensities, theirs.propensities, strict=True
    ):
        assert mixed == pytest.approx((1 - canary) * one + canary * other)
    assert sum(choice.propensities) == pytest.approx(1.0)
    assert choice.propensity == choice.propensities[offered.actions.index(choice.action)] > 0
    assert choice.rival is not None
    assert choice.action == (theirs if choice.rival.served else ours).action


def test_canaries_choose_as_often_as_they_say() -> None:
    """Over many keys the actions come as often as the mixture says."""
    count, given_ = 4000, models(canary=0.3)
    chosen: Counter[str] = Counter()
    for number in range(count):
        choice = choose(cases.pot_or_loan(0.3, key=f"key-{number}"), given_)
        chosen[choice.action] += 1
    expected = {scored.action: scored.propensity * count for scored in choice.scored}
    statistic = sum((chosen[a] - e) ** 2 / e for a, e in expected.items() if e)
    assert statistic < 13.82  # 99.9 % at two degrees of freedom


def test_nobody_who_must_not_be_meets_a_challenger() -> None:
    """Where nothing may be explored the champion chooses, and nothing is logged."""
    offered = cases.pot_or_loan(0.3, explore=False)
    assert choose(offered, models(canary=1.0)).rival is None


def test_a_challenger_of_other_features_has_no_say() -> None:
    """It can't answer; the champion serves as if there were none."""
    other = PosteriorRidge(("const",), cases.ACTION_NAMES, levers=cases.LEVERS).snapshot(1)
    given_ = replace(models(canary=1.0), challenger=other)
    offered = cases.pot_or_loan(0.3)
    choice = choose(offered, given_)
    assert choice == BANDITS["committee"].choose(offered, models=given_, rules=Rules())
