"""The bandits, by name. A new one is one file, its test, and one line here."""

from collections.abc import Mapping
from types import MappingProxyType

from operators.bandits.committee import PosteriorCommittee
from operators.bandits.evenly import Evenly
from operators.bandits.fallback import FixedOrder
from operators.bandits.igw import InverseGap
from operators.bandits.merit import FairMerit
from operators.contracts import Bandit

_ALL: tuple[Bandit, ...] = (
    PosteriorCommittee(),
    FixedOrder(),
    Evenly(),
    InverseGap(),
    FairMerit(),
)
BANDITS: Mapping[str, Bandit] = MappingProxyType({bandit.name: bandit for bandit in _ALL})
"""``committee`` decides, ``fixed_order`` serves without a model, ``evenly`` is the control's policy,
``inverse_gap`` and ``fair_merit`` are challengers over the same snapshot."""
