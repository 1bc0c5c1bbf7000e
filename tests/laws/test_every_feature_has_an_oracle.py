"""No feature is without an oracle: each one's value is held against plain loops over the events by some law."""

from operators.features import SPECS
from tests.laws import (
    test_group_oracles,
    test_group_oracles_beside_money,
    test_oracles_of_what_is_paid_twice,
    test_view_oracles,
    test_view_oracles_beside_money,
    test_view_oracles_of_bills,
    test_view_oracles_of_promises,
    test_view_oracles_of_the_purse,
)
from tests.oracles import COMPARED

LAWS = (
    test_group_oracles,
    test_group_oracles_beside_money,
    test_oracles_of_what_is_paid_twice,
    test_view_oracles,
    test_view_oracles_beside_money,
    test_view_oracles_of_bills,
    test_view_oracles_of_promises,
    test_view_oracles_of_the_purse,
)


def test_every_feature_is_compared_with_an_oracle() -> None:
    """The oracles ask for every feature of the registry; a new one needs its oracle too."""
    names = {spec.name for spec in SPECS}
    for law in LAWS:
        if names <= COMPARED:
            break
        for name in dir(law):
            if name.startswith("test_"):
                getattr(law, name)()
    assert not names - COMPARED, "features that no oracle asks for"
