from dataclasses import replace

import numpy as np
import pytest
from msgspec import structs

from operators.bandits.committee import PosteriorCommittee
from operators.bandits.layout import KEPT_MAX, borrow, distinct, lay_out, menu_of, score
from operators.contracts import Alternatives
from schemas.decisions import SILENCE, Choice
from schemas.models import Models
from schemas.rules import Rules
from tests import alternatives as cases

MODELS = Models(committee=cases.snapshot())


def chosen(committee: PosteriorCommittee, offered: Alternatives) -> Choice:
    """By a committee that has seen other things before, and by one that has not: the same."""
    choice = committee.choose(offered, models=MODELS, rules=Rules())
    assert choice == PosteriorCommittee().choose(offered, models=MODELS, rules=Rules())
    return choice


def test_a_menu_that_looks_like_the_last_is_told_from_it() -> None:
    """Equal actions with other features, and equal features of other actions, are other menus."""
    committee, offered = PosteriorCommittee(), cases.pot_or_loan(1.5)
    first = chosen(committee, offered)
    swapped = structs.replace(offered, action_features=offered.action_features[::-1])
    assert chosen(committee, swapped).scores != first.scores
    renamed = structs.replace(offered, actions=("card", "pot", SILENCE))
    assert chosen(committee, renamed).scores != first.scores
    again = structs.replace(
        offered,
        actions=(*offered.actions,),
        action_features=tuple((*row,) for row in offered.action_features),
    )
    assert again.action_features[0] is not offered.action_features[0]
    assert chosen(committee, again) == first


@pytest.mark.parametrize("count", [1, 2, 7, 8, 9, 100])
def test_scores_are_the_definition(count: int) -> None:
    """z(x, k)·θ for every model and action, whoever shares a context with whom."""
    snapshot = cases.snapshot()
    draws = np.random.Generator(np.random.Philox(count))
    contexts = [(1.0, *row) for row in (draws.integers(-2048, 2048, (3, 2)) / 1024).tolist()]
    features = tuple((1.0, *row) for row in (draws.integers(-64, 64, (count, 3)) / 64).tolist())
    actions = (*(f"new-{n}" for n in range(count - 1)), "pot")
    layout = lay_out(snapshot)
    for which in ([0] * count, draws.integers(0, 3, count).tolist()):
        seen = tuple(contexts[place] for place in which)
        menu = menu_of(layout, Alternatives(actions, seen, features, "d-1"))
        work = borrow(layout, count)
        score(work, menu, *distinct(layout, seen))
        for row, theta in zip(work.scores, (snapshot.mean, *snapshot.theta), strict=True):
            for place, (x, a) in enumerate(zip(seen, features, strict=True)):
                z = np.zeros(len(theta))
                z[:12] = np.outer(x, a).ravel()
                if actions[place] == "pot":
                    z[12 + snapshot.actions.index("pot")] = 1.0
                assert row[place] == theta @ z
        layout.spare[count].append(work)


def test_what_is_kept_of_menus_is_bounded() -> None:
    """However many sets of actions come by, in however many ways parted: the oldest go."""
    committee = PosteriorCommittee()
    for number in range(KEPT_MAX + 9):
        offered = cases.pot_or_loan(0.5, key=f"d-{number}")
        actions = (f"new-{number:03}", "pot", SILENCE)
        x, far = offered.contexts[0], (1.0, -1.0, 0.5)
        parted = [far if number >> place & 1 else x for place in range(8)]
        chosen(committee, structs.replace(offered, actions=actions))
        chosen(
            committee,
            Alternatives(
                actions=tuple(f"a-{place}" for place in range(8)),
                contexts=tuple(parted),
                action_features=((1.0, 0.5, 0.0, 0.0),) * 8,
                key="d-1",
            ),
        )
    layout = committee._layout
    assert layout is not None
    assert len(layout.known) == len(layout.parted) == KEPT_MAX


def test_a_layout_counts_in_arrays_of_its_own() -> None:
    """Arrays that are lent are lent to nobody else until they come back."""
    layout = lay_out(replace(cases.snapshot(), version=4))
    one, other = borrow(layout, 3), borrow(layout, 3)
    assert one is not other
    layout.spare[3].append(one)
    assert borrow(layout, 3) is one
