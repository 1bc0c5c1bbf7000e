"""A simulated bank whose offers change what customers bring over years, with known truth.

A customer has a level: what they bring in a period. An offer moves it, by how well it fits them; the level drifts
back, and with a low one customers leave. Clicks are only loosely related to value. With ``late`` a second effect of
an offer falls due in the last period before maturity and shows in no sign before. Learners see none of this.
"""

from dataclasses import dataclass

import numpy as np

from schemas.models import Floats, Integers

OFFERS = 60
CONTEXT, ACTION = 8, 6
KEEP, DISCOUNT = 0.8, 0.97
"""Of a level this share is left a period later; what comes a period later is worth this share."""
SPREAD_FIRST, SPREAD_LATER, SPREAD_MARGIN = 0.7, 0.4, 0.5
COST = 0.3
MEAN_EFFECT = -0.3
CLICK_CORRELATION, CLICK_AT = 0.3, 1.0
LATE_SCALE = 2.25
PERIOD_DAYS = 30.0
TAIL = 60
"""Periods after which nothing is left to count."""


@dataclass(slots=True, frozen=True)
class Cohort:
    """The customers of a period, shape (n, ...), with the luck that they have whatever they are told."""

    contexts: Floats
    base: Floats
    luck_level: Floats
    luck_margin: Floats
    luck_leave: Floats
    luck_click: Floats


@dataclass(slots=True, frozen=True)
class Course:
    """What came of a cohort: ``levels`` and ``alive`` have shape (n, horizon + 1), ``margins`` (n, horizon)."""

    levels: Floats
    alive: Floats
    margins: Floats
    clicks: Floats


class Bank:
    """The truth: effects of offers 1 to 60 on a customer; arm 0 says nothing and changes nothing."""

    def __init__(self, seed: int, *, horizon: int, late: bool) -> None:
        """Draw a bank."""
        self._random = np.random.default_rng([seed, 17])
        self.horizon, self.late = horizon, late
        random = self._random
        self.actions: Floats = np.zeros((OFFERS + 1, ACTION))
        self.actions[:, 0] = 1.0
        self.actions[1:, 1:] = np.clip(random.normal(size=(OFFERS, ACTION - 1)), -3, 3)
        self._effect = self._surface()
        self._curiosity = self._surface()
        self._later = self._surface()
        self._base = random.normal(size=CONTEXT) * 0.2
        self._table()

    def cohort(self, count: int) -> Cohort:
        """New customers."""
        random, steps = self._random, self.horizon + 1
        contexts = np.clip(random.normal(size=(count, CONTEXT)), -3, 3)
        contexts[:, 0] = 1.0
        return Cohort(
            contexts,
            contexts @ self._base,
            random.normal(size=(count, steps)),
            random.normal(size=(count, self.horizon)),
            random.random((count, steps)),
            random.normal(size=count),
        )

    def effects(self, contexts: Floats) -> Floats:
        """What each arm does to the level, shape (n, arms)."""
        effects = MEAN_EFFECT + self._of(self._effect, contexts)
        effects[:, 0] = 0.0
        return effects

    def truth(self, cohort: Cohort) -> Floats:
        """The expected lifetime value of each arm in units of 10 EUR, less its cost; shape (n, arms)."""
        means = cohort.base[:, None] + self.effects(cohort.contexts)
        value: Floats = np.interp(means, self._grid, self._worth)
        value[:, 1:] -= COST
        if self.late:
            value += np.interp(means, self._grid, self._stay) * self._delayed(cohort.contexts)
        return value

    def live(self, cohort: Cohort, arms: Integers) -> Course:
        """What comes of the customers if each is told this arm."""
        rows = np.arange(len(arms))
        first = cohort.base + self.effects(cohort.contexts)[rows, arms]
        levels, alive = _paths(first, cohort.luck_level, cohort.luck_leave)
        margins = (levels[:, :-1] + SPREAD_MARGIN * cohort.luck_margin) * alive[:, :-1]
        if self.late:
            margins[:, -1] += alive[:, -2] * self._delayed(cohort.contexts)[rows, arms]
        effects = self.effects(cohort.contexts)[rows, arms] - MEAN_EFFECT
        drawn = self._of(self._curiosity, cohort.contexts)[rows, arms]
        appeal = CLICK_CORRELATION * effects + np.sqrt(1 - CLICK_CORRELATION**2) * drawn
        clicks = (arms > 0) & (appeal + cohort.luck_click > CLICK_AT)
        return Course(levels, alive, margins, clicks.astype(np.float64))

    def history(self, count: int) -> tuple[Cohort, Course]:
        """Customers of earlier years, with products that are no longer offered: only signs and value are known."""
        cohort = self.cohort(count)
        first = cohort.base + self._random.normal(size=count)
        levels, alive = _paths(first, cohort.luck_level, cohort.luck_leave)
        margins = (levels[:, :-1] + SPREAD_MARGIN * cohort.luck_margin) * alive[:, :-1]
        return cohort, Course(levels, alive, margins, np.zeros(count))

    def _surface(self) -> tuple[Floats, Floats]:
        """A bilinear effect with an own part an offer, of variance 1 over customers and offers."""
        random = self._random
        shared = random.normal(size=(CONTEXT, ACTION)) * np.sqrt(0.7 / (CONTEXT * ACTION))
        own = random.normal(size=OFFERS + 1) * np.sqrt(0.3)
        return shared, own

    def _of(self, surface: tuple[Floats, Floats], contexts: Floats) -> Floats:
        shared, own = surface
        effects: Floats = contexts @ shared @ self.actions.T + own
        return effects

    def _delayed(self, contexts: Floats) -> Floats:
        late = LATE_SCALE * self._of(self._later, contexts)
        late[:, 0] = 0.0
        return late

    def _table(self) -> None:
        """Worth by the mean of the first level, and the discounted chance of staying until the late effect."""
        random = np.random.default_rng(5)
        paths = 4000
        level = random.normal(size=(paths, TAIL + 1))
        leave = random.random((paths, TAIL + 1))
        self._grid = np.linspace(-8.0, 8.0, 65)
        fade = DISCOUNT ** np.arange(TAIL)
        worth, stay = [], []
        for mean in self._grid:
            levels, alive = _paths(np.full(paths, mean), level, leave)
            worth.append(float(((levels * alive)[:, :-1] @ fade).mean()))
            stay.append(float(alive[:, self.horizon - 1].mean() * fade[self.horizon - 1]))
        self._worth, self._stay = np.array(worth), np.array(stay)


def _paths(first: Floats, luck: Floats, leave: Floats) -> tuple[Floats, Floats]:
    """Levels from their first mean on, and whether the customer is still there; both of the shape of ``luck``."""
    levels, alive = np.zeros_like(luck), np.ones_like(luck)
    levels[:, 0] = first + SPREAD_FIRST * luck[:, 0]
    for step in range(1, luck.shape[1]):
        hazard = np.clip(0.05 - 0.03 * levels[:, step - 1], 0.005, 0.4)
        alive[:, step] = alive[:, step - 1] * (leave[:, step] > hazard)
        levels[:, step] = KEEP * levels[:, step - 1] + SPREAD_LATER * luck[:, step]
    return levels, alive
