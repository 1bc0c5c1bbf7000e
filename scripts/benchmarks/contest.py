"""The stage of `scripts/bench choose`: the same offers and customers for us, River and Vowpal Wabbit."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from river import bandit

from operators import arbitrate
from operators.arbitrate import Contexts, Plans
from operators.bandits.committee import PosteriorCommittee
from operators.bandits.ridge import PosteriorRidge
from operators.contracts import Alternatives, FeatureSpec
from schemas.base import Channel, Purpose, Source
from schemas.decisions import SILENCE, Candidate, Choice, Lesson
from schemas.models import CommitteeSnapshot, Models
from schemas.offers import Item, Kind
from schemas.rules import Rules

CUSTOMERS = 64
LESSONS = 4096
KINDS = (Kind.OFFER, Kind.INTERVENTION, Kind.FEATURE)
HIDDEN: dict[Purpose, Source] = {
    Purpose.DIRECT_MARKETING: Source.LOCATION,
    Purpose.FINANCIAL_WELLBEING: Source.MESSAGES,
    Purpose.SERVICE_PERSONALISATION: Source.OPEN_BANKING,
}
"""What each purpose may not see where the purposes differ."""
EVERY_SOURCE = frozenset(Source)


@dataclass(slots=True)
class Contest:
    """Offers with features, customers with features, and a committee that has learnt from them."""

    plans: Plans
    customers: list[dict[str, float]]
    candidates: list[tuple[Candidate, ...]]
    mixed: list[tuple[Candidate, ...]]
    snapshot: CommitteeSnapshot
    action_names: tuple[str, ...]
    models: Models
    alternatives: list[Alternatives]
    committee: PosteriorCommittee = field(default_factory=PosteriorCommittee)

    @property
    def context_names(self) -> tuple[str, ...]:
        """One, then the features."""
        return self.snapshot.context_names

    def decide(self, number: int) -> Choice:
        """From a customer's features to the choice, as the stream does it; all purposes see all.

        Offers come with features of the moment (the last one, as weariness is), so no menu comes twice in a row.
        """
        return self._decide(number, self.candidates, lambda _: EVERY_SOURCE)

    def decide_apart(self, number: int) -> Choice:
        """The same where offers are for three purposes, each of which sees other sources."""
        return self._decide(number, self.mixed, lambda p: EVERY_SOURCE - {HIDDEN[p]})

    def decide_again(self, number: int) -> Choice:
        """From a customer's features to the choice, over a menu that was offered before.

        The very same actions are laid out already, as they are for whoever offers everybody the same.
        """
        context = Contexts(self.customers[number % CUSTOMERS], self.plans).of(EVERY_SOURCE)
        menu = self.alternatives[0]
        return self.committee.choose(
            Alternatives(
                actions=menu.actions,
                contexts=(context,) * len(menu.actions),
                action_features=menu.action_features,
                key=f"decision-{number}",
            ),
            models=self.models,
            rules=RULES,
        )

    def _decide(
        self,
        number: int,
        candidates: list[tuple[Candidate, ...]],
        usable: Callable[[Purpose], frozenset[Source]],
    ) -> Choice:
        choice, _ = arbitrate.choose(
            candidates[number % CUSTOMERS],
            contexts=Contexts(self.customers[number % CUSTOMERS], self.plans),
            usable=usable,
            models=self.models,
            rules=RULES,
            arm="treatment",
            key=f"decision-{number}",
            explore=True,
        )
        return choice

    def learner(self) -> PosteriorRidge:
        """A learner of this shape that knows nothing."""
        return PosteriorRidge(self.context_names, self.action_names, actions=self.snapshot.actions)

    def lessons(self, count: int) -> list[Lesson]:
        """Lessons of what even chance would have said."""
        return _lessons(self.alternatives, count)

    def river(self) -> Callable[[int], object]:
        """River's contextual policy, each arm of which has learnt something."""
        policy: Any = bandit.LinUCBDisjoint(seed=1)
        arms = list(self.alternatives[0].actions)
        for number, arm in enumerate(arms * 2):
            policy.update(arm, self.customers[number % CUSTOMERS], float(number % 2))
        return lambda number: policy.pull(arms, context=self.customers[number % CUSTOMERS])

    def vowpal(self) -> Callable[[int], object] | None:
        """Vowpal Wabbit's squarecb over its text format; None where it isn't installed."""
        try:
            import vowpalwabbit  # noqa: PLC0415 - of requirements-dev only
        except ImportError:
            return None
        learner: Any = vowpalwabbit.Workspace("--cb_explore_adf --squarecb -q sa --quiet")
        rows = [
            "|a " + " ".join(f"{n}:{v:.6g}" for n, v in zip(self.action_names, row, strict=True))
            for row in self.alternatives[0].action_features
        ]
        for number in range(CUSTOMERS * 2):
            told = list(rows)
            chosen = number % len(rows)
            told[chosen] = f"0:{-(number % 2)}:{1 / len(rows)} {told[chosen]}"
            learner.learn([self._shared(number), *told])
        return lambda number: learner.predict([self._shared(number), *rows])

    def _shared(self, number: int) -> str:
        customer = self.customers[number % CUSTOMERS]
        return "shared |s " + " ".join(f"{n}:{v:.6g}" for n, v in customer.items())


def stage(offers: int, features: int, *, action_features: int, seed: int = 5) -> Contest:
    """Make it.

    Args:
        offers: How many alternatives there are, silence among them.
        features: The customer's; the context has one more, which is always one.
        action_features: Those of an offer.
        seed: For numpy's generator.
    """
    draws = np.random.default_rng(seed)
    sources = list(Source)
    specs = [
        FeatureSpec(
            f"feature_{i:02}",
            sources[i % len(sources)],
            "1",
            "made up",
            "a feature",
            scale=2.0,
            context=True,
            window_days=None,
            owner="bench",
        )
        for i in range(features)
    ]
    plans = Plans(specs)
    customers = [
        {spec.name: float(v) for spec, v in zip(specs, row, strict=True)}
        for row in draws.normal(0.0, 2.0, (CUSTOMERS, features))
    ]
    vectors = [
        (1.0, *(float(v) for v in np.rint(row * 64) / 64))
        for row in draws.uniform(-1.0, 1.0, (offers - 1, action_features - 1))
    ]
    candidates = [_candidates(vectors, KINDS[:1], weary=n / CUSTOMERS) for n in range(CUSTOMERS)]
    mixed = [_candidates(vectors, KINDS, weary=n / CUSTOMERS) for n in range(CUSTOMERS)]
    silence = (1.0, *(0.0,) * (action_features - 1))
    actions, offered = (*(c.item.id for c in candidates[0]), SILENCE), (*vectors, silence)
    alternatives = [
        Alternatives(
            actions=actions,
            contexts=(Contexts(customer, plans).of(EVERY_SOURCE),) * offers,
            action_features=offered,
            key=f"decision-{number}",
        )
        for number, customer in enumerate(customers)
    ]
    names = tuple(f"trait_{i}" for i in range(action_features))
    learner = PosteriorRidge(
        ("const", *(spec.name for spec in specs)), names, actions=alternatives[0].actions
    )
    for lesson in _lessons(alternatives, LESSONS):
        learner.learn(lesson)
    snapshot = learner.snapshot(1)
    return Contest(
        plans=plans,
        customers=customers,
        candidates=candidates,
        mixed=mixed,
        snapshot=snapshot,
        action_names=names,
        models=Models(committee=snapshot),
        alternatives=alternatives,
    )


RULES = Rules(holdout_share=0.0, control_share=0.0)


def _candidates(
    vectors: list[tuple[float, ...]], kinds: tuple[Kind, ...], *, weary: float
) -> tuple[Candidate, ...]:
    """Of kinds in turn; ``weary`` takes the place of the last feature."""
    return tuple(
        _candidate(i, kinds[i % len(kinds)], (*v[:-1], weary)) for i, v in enumerate(vectors)
    )


def _candidate(number: int, kind: Kind, action_features: tuple[float, ...]) -> Candidate:
    item = Item(
        id=f"offer_{number:03}",
        kind=kind,
        category="made_up",
        title="An offer",
        body="An offer that was made up.",
        channels=(Channel.IN_APP,),
        value_customer_minor=100,
        value_bank_minor=100,
    )
    return Candidate(item, Channel.IN_APP, "content", action_features)


def _lessons(alternatives: list[Alternatives], count: int) -> list[Lesson]:
    draws = np.random.default_rng(9)
    made = []
    for number in range(count):
        offered = alternatives[number % len(alternatives)]
        place = int(draws.integers(len(offered.actions)))
        x, a = offered.contexts[place], offered.action_features[place]
        made.append(
            Lesson(
                lesson_id=f"l-{number}",
                kind="reward",
                customer="c-1",
                at_ms=number,
                action=offered.actions[place],
                context=x,
                action_features=a,
                label=0.3 * x[1] * a[1] + 0.1 * float(draws.normal()),
            )
        )
    return made
