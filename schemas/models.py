"""Versioned snapshots of the learnt models, as the decision path reads them.

Arrays are float64 and never changed after they are made. Bytes and digests: `state.models`.
"""

from dataclasses import dataclass, field
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
LEDGERS = ("customer", "bank")
"""The accounts that value is counted in, in the order of the rows."""
NO_LEDGERS: Floats = np.zeros((len(LEDGERS), 0))


@dataclass(slots=True, frozen=True)
class CommitteeSnapshot:
    """The posterior committee of the bandit.

    z(x, k) = [x ⊗ a_k ; e_k] with dx context features, da action features and K known actions;
    D = dx·da + K. ``theta`` has shape (M, D), one plausible model a row; ``mean`` shape (D,) is the
    posterior mean; ``context_mean`` shape (dx,) is the average context, the reference of contributions.
    ``floor`` in 0..1 is the share of probability spread evenly over all allowed actions. ``prices`` by action
    are what scarce things cost, in units of 10 EUR: taken from their offsets in ``theta`` and ``mean``.
    ``ledgers`` of shape (2, D) is the mean in two accounts, what an action brings the customer and what it brings
    the bank; ``mean`` is their sum by ``weights``, less prices. ``value`` of shape (2, dx) is the value function in
    the same accounts: what a context says of what its customer is worth from there on. ``signs`` of shape (2, S·H·3)
    is what an early sign says of the value still to come (`operators.value.signs`). Snapshots of earlier releases
    have none of them: they are empty.
    """

    version: int
    digest: str
    context_names: tuple[str, ...]
    action_names: tuple[str, ...]
    actions: tuple[str, ...]
    theta: Floats
    mean: Floats
    context_mean: Floats
    floor: float
    lessons: int
    position: str = ""
    prices: tuple[tuple[str, float], ...] = ()
    weights: tuple[float, float] = (1.0, 1.0)
    ledgers: Floats = field(default_factory=lambda: NO_LEDGERS)
    value: Floats = field(default_factory=lambda: NO_LEDGERS)
    signs: Floats = field(default_factory=lambda: NO_LEDGERS)


@dataclass(slots=True, frozen=True)
class TasteSnapshot:
    """EASE item-item weights over products, shape (P, P), zero diagonal (Steck 2019)."""

    version: int
    digest: str
    products: tuple[str, ...]
    weights: Floats


@dataclass(slots=True, frozen=True)
class IntentSnapshot:
    """A linear head over text embeddings.

    ``weights`` has shape (I, E), ``bias`` shape (I,); probability is softmax(weights·e + bias).
    ``sentiment`` has shape (E + 1,), bias last; sentiment is tanh of the dot, in -1..1.
    """

    version: int
    digest: str
    intents: tuple[str, ...]
    weights: Floats
    bias: Floats
    sentiment: Floats
    lessons: int = 0


@dataclass(slots=True, frozen=True)
class LogitHead:
    """A pooled logistic regression on bent features (`operators.forecasting.pooled`, of days: ``dates``).

    ``centre`` and ``scale`` standardise the F features; ``weights`` has shape (D,). ``cross`` is the feature
    that the others' weights depend on. ``rows`` it was fitted on, of so many different ``months``.
    """

    centre: Floats
    scale: Floats
    weights: Floats
    cross: int | None
    months: int
    rows: int


@dataclass(slots=True, frozen=True)
class BandHead:
    """Where the balance will be and how far off (`operators.forecasting.bands`).

    ``location`` has shape (12,), ``spread`` (6,), ``errors`` (7,): quantiles of the pooled error.
    ``months`` is how many different months the ``rows`` are from.
    """

    location: Floats
    spread: Floats
    errors: Floats
    months: int
    rows: int


@dataclass(slots=True, frozen=True)
class ForecastSnapshot:
    """What was learnt from forecasts that came due.

    ``heads`` is target («shortfall:30», «date:30», «large:30», «fall:90», «rise:90») → its classifier; ``bands``
    horizon → its head. ``record`` is target → per tenth of probability [forecasts made before they came due, how many
    came true], shape (10, 2).
    """

    version: int
    digest: str
    heads: dict[str, LogitHead]
    bands: dict[str, BandHead]
    record: dict[str, Floats]
    lessons: int = 0


@dataclass(slots=True, frozen=True)
class Rollout:
    """How a challenger is tried beside what serves.

    ``policy`` names the challenger's bandit; it may also try another policy over the same snapshot.
    ``shadow`` is the share of decisions on which it is scored and logged without a say, ``canary`` the
    share on which it chooses. Both are 0..1 and dealt by a keyed hash of the decision.
    """

    policy: str = "committee"
    shadow: Annotated[float, Field(ge=0, le=1)] = 0.0
    canary: Annotated[float, Field(ge=0, le=1)] = 0.0


@dataclass(slots=True, frozen=True)
class Models:
    """The snapshots in use; None means none was published yet, and the fallback serves.

    ``committee`` is the champion: the one that was pinned, else the newest. ``challenger`` is on trial as
    ``rollout`` says.
    """

    committee: CommitteeSnapshot | None = None
    taste: TasteSnapshot | None = None
    intents: IntentSnapshot | None = None
    forecasts: ForecastSnapshot | None = None
    verdicts: dict[str, str] = field(default_factory=dict)
    challenger: CommitteeSnapshot | None = None
    rollout: Rollout | None = None
