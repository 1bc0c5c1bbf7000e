"""The flow that learns: lessons → versioned snapshots of the models.

    read → follow → write

One process, one writer per model. Its state is the topic ``lessons``: at each start it is read whole, and
sums being exact the models come out the same. Snapshots go to the compacted topic ``models``, from which
every worker takes the newest; versions go on from the last one published.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from flows.cadence import Cadence, Progress, Retention, Shelf
from flows.follow import FollowFlow, Publication, place
from flows.foretold import SELDOM, Foretold
from flows.kafka.client import Connection
from flows.kafka.source import Pace
from flows.lessons import MODEL_OF_KIND, Head, Recent, read_lesson
from flows.records import Spot
from flows.told import forgotten, proposed
from flows.worker import Stop
from flows.world import KEPT
from operators.bandits.ridge import Levers, PosteriorRidge
from operators.drift import BOUNDS, LEVER, Residuals, pull
from operators.forgetting import Ledger
from operators.prices import Prices
from operators.taste import Coholdings
from operators.value.lifetime import Lifetime, ValueLevers
from operators.value.signs import Signs
from schemas import topics
from schemas.decisions import WORTH, Lesson
from schemas.errors import InputError
from schemas.models import CommitteeSnapshot, Models
from state.models import COMMITTEE, FORECASTS, INTENTS, TASTE, Snapshot, encode_model

FORGET = "forget"
"""The kind of a lesson that takes lessons back."""


class Learner:
    """All learners of the product, fed by one log. A `flows.follow.Follower`."""

    name = "learn"

    def __init__(
        self,
        context_names: Sequence[str],
        action_names: Sequence[str],
        *,
        actions: Iterable[str] = (),
        head: Head | None = None,
        published: Models | None = None,
        levers: Levers | None = None,
        cadence: Cadence | None = None,
        retention: Retention | None = None,
        shelf: Shelf | None = None,
        budgets: Mapping[str, float] | None = None,
        lifetime: ValueLevers | None = None,
    ) -> None:
        """Begin with the priors.

        Args:
            context_names: The bandit's context features, in order.
            action_names: The bandit's action features, in order.
            actions: The catalogue's items, so that the committee explores them from the first day.
            head: The learner of intents with its seed phrases; None leaves intents alone.
            published: What stands on ``models``; versions go on from there.
            levers: Governed settings of the committee.
            cadence: When to publish.
            retention: How long rewards are kept.
            shelf: Which earlier committees are kept to go back to.
            budgets: Items of which only so many a day can be given.
            lifetime: Governed settings of lifetime value and of early labels.
        """
        self._ridge = PosteriorRidge(context_names, action_names, actions=actions, levers=levers)
        sizes, epoch_days = (len(context_names), len(action_names)), self._ridge.levers.epoch_days
        self._lifetime = Lifetime(*sizes, epoch_days=epoch_days, levers=lifetime)
        self._signs = Signs(*sizes, epoch_days=epoch_days, levers=self._lifetime.levers.signs)
        self._taste = Coholdings()
        self._head = head
        self._foretold = Foretold()
        self._ledger = Ledger()
        self._told: list[Publication] = []
        self._cadence = cadence or Cadence()
        self._retention = retention or Retention()
        self._shelf = shelf or Shelf()
        self._kept_from_ms: int | None = None
        self._looked_at = 0
        self._positions: dict[Spot, int] = {}
        self._residuals = Residuals()
        self._prices = Prices(budgets or {})
        self._serving: CommitteeSnapshot | None = None
        self._recent = Recent()
        published = published or Models()
        last: dict[str, Snapshot | None] = {
            COMMITTEE: published.committee,
            TASTE: published.taste,
            INTENTS: published.intents,
            FORECASTS: published.forecasts,
        }
        self._progress = {
            # Before anything came due, forecasts say no more than the bare scenarios.
            model: Progress(snapshot.version) if snapshot else Progress(wanted=model != FORECASTS)
            for model, snapshot in last.items()
        }
        committee = published.committee
        if committee is not None and (committee.context_names, committee.action_names) != (
            tuple(context_names),
            tuple(action_names),
        ):
            # The features changed with this release: what stands there serves nobody any more.
            self._progress[COMMITTEE].wanted = True
        if head is None:
            del self._progress[INTENTS]

    def take(self, value: bytes | None, *, spot: Spot, offset: int) -> InputError | None:
        """Learn one lesson; a second copy of one is left out.

        Returns:
            Why it can't be learnt from, in which case the models are what they were.
        """
        self._positions[spot] = offset + 1
        if value is None:
            return None
        lesson = read_lesson(value)
        if isinstance(lesson, InputError):
            return lesson
        return None if self._recent.again(lesson) else self._taken(lesson)

    def publish(self, now_ms: int) -> list[Publication]:
        """The snapshots that are due; at the first start version 1 of each, from what is known.

        With them what was forgotten, and what could not be, for its customer.
        """
        told, self._told = self._told, []
        for model, progress in self._progress.items():
            if self._due(progress, now_ms):
                said = self._publication(model, progress, now_ms)
                told += (
                    [said, *self._shelve(said, progress.version)] if model == COMMITTEE else [said]
                )
        return told

    def hear(self, lessons: Sequence[bytes]) -> dict[str, bytes]:
        """Take lessons without a log or a clock: for the driver and the simulation.

        Returns:
            The model records that are due by their number of lessons, by key.
        """
        spot = (topics.LESSONS, 0)
        for value in lessons:
            self.take(value, spot=spot, offset=self._positions.get(spot, 0))
        return {
            said.key: said.value
            for said in self.publish(0)
            if said.topic == topics.MODELS and said.value and not said.key.startswith(KEPT)
        }

    def _taken(self, lesson: Lesson) -> InputError | None:
        if lesson.kind == FORGET:
            self._forget(lesson)
            return None
        if lesson.kind == LEVER:
            return self._pull(lesson)
        model = MODEL_OF_KIND.get(lesson.kind)
        if model is None:
            return InputError("input.unknown-kind", "a lesson of an unknown kind")
        if not self._learn(model, lesson):
            return InputError(
                "input.invalid",
                f"a lesson for other features than those of {model}",
                hint="lessons of an earlier release are left out until they expire",
            )
        return None

    def _forget(self, request: Lesson) -> None:
        """Take back what a customer taught: exactly where sums are learnt, and said where they are not."""
        gone = self._ledger.forget(request)
        if len(gone.after) < len(gone.before):
            self._ridge.unlearn(gone.rewards)
            self._signs.unlearn(gone.rewards)
            self._lifetime.relearn(request.customer, gone.before, gone.after)
            self._progress[COMMITTEE].fresh += len(gone.before) - len(gone.after)
        for held in gone.holdings:
            self._taste.learn(held)
            self._progress[TASTE].fresh += 1
        # Refitted at once: what came due so long ago has long served.
        forecasts = self._foretold.forget(request)
        self._progress[FORECASTS].wanted |= forecasts > 0
        self._told.append(forgotten(request, gone, forecasts=forecasts))

    def _learn(self, model: str, lesson: Lesson) -> bool:
        match model:
            case "committee":
                if self._kept_from_ms is not None and lesson.at_ms < self._kept_from_ms:
                    return True  # its epoch is gone, and a part of it would be wrong
                learnt = lesson.kind == WORTH or self._ridge.learn(lesson)
                if learnt:
                    self._lifetime.learn(self._ledger.note(lesson))
                    self._let_go()
                if learnt and lesson.kind != WORTH:
                    self._signs.learn(lesson)
                    self._watch(lesson)
                    self._prices.see(lesson)
            case "taste":
                self._taste.learn(self._ledger.note(lesson))
                learnt = True
            case "forecasts":
                learnt = self._foretold.learn(lesson)
            case _:
                if self._head is None:
                    return True
                learnt = self._head.learn(lesson)
                if learnt:
                    self._ledger.note(lesson)
        if learnt:
            self._progress[model].fresh += 1
            self._progress[model].known += 1
        return learnt

    def _pull(self, lesson: Lesson) -> InputError | None:
        """Set a governed lever: from this place on the log on, also when the log is read again."""
        levers = pull(self._ridge.levers, lesson)
        if levers is None:
            return InputError(
                "input.invalid",
                f"no lever {lesson.action[:32]!r} can stand at {lesson.label}",
                hint=f"levers and their bounds: {dict(BOUNDS)}",
            )
        self._ridge.levers = levers
        self._progress[COMMITTEE].fresh += 1
        return None

    def _watch(self, lesson: Lesson) -> None:
        shift = self._residuals.see(lesson, self._serving)
        if shift is not None:
            self._told.append(proposed(lesson, shift, self._ridge.levers))

    def _let_go(self) -> None:
        """Retire epochs that are too old or too many, from the models and from the ledger alike."""
        self._looked_at += 1
        if self._looked_at % self._retention.every:
            return
        before_ms = self._ridge.first_kept_ms(self._retention.days)
        while True:
            if self._ridge.retire(before_ms):
                self._lifetime.retire(before_ms)
                self._signs.retire(before_ms)
                self._ledger.let_go(before_ms)
                self._kept_from_ms = max(before_ms, self._kept_from_ms or before_ms)
                self._progress[COMMITTEE].fresh += 1
            second = self._ridge.second_epoch_ms()
            if self._ledger.count <= self._retention.lessons_max or second is None:
                return
            before_ms = second

    def _due(self, progress: Progress, now_ms: int) -> bool:
        if progress.wanted:
            return True
        if not progress.fresh:
            return False
        if progress.since_ms is None or progress.since_ms > now_ms:
            progress.since_ms = now_ms  # also where the clock was put back
        waited_ms = now_ms - progress.since_ms
        cadence = SELDOM if progress is self._progress[FORECASTS] else self._cadence
        return cadence.due(fresh=progress.fresh, known=progress.known, waited_ms=waited_ms)

    def _publication(self, model: str, progress: Progress, now_ms: int) -> Publication:
        progress.version += 1
        progress.fresh, progress.since_ms, progress.wanted = 0, now_ms, False
        key, value = encode_model(self._snapshot(model, progress.version))
        return Publication(
            topic=topics.MODELS,
            key=key,
            kind=f"model.{key}",
            record_id=f"{key}:{progress.version}",
            value=value,
        )

    def _shelve(self, said: Publication, version: int) -> list[Publication]:
        """A copy under the version's own key, and an empty record for the one that gives way."""
        if not self._shelf.keeps(version):
            return []
        key = f"{KEPT}{version}"
        kept = [replace(said, key=key, kind=f"model.{COMMITTEE}.kept", record_id=f"{key}:kept")]
        gone = self._shelf.leaves(version)
        if gone is not None:
            key = f"{KEPT}{gone}"
            kept.append(replace(said, key=key, record_id=f"{key}:gone", value=None))
        return kept

    def _snapshot(self, model: str, version: int) -> Snapshot:
        if model == COMMITTEE:
            self._serving = self._ridge.snapshot(
                version,
                position=place(self._positions),
                prices=self._prices.now(),
                future=self._lifetime.moment,
                early=self._signs.ahead,
            )
            return self._serving
        if model == INTENTS and self._head is not None:
            return self._head.snapshot(version)
        if model == FORECASTS:
            return self._foretold.snapshot(version)
        return self._taste.snapshot(version)


def learn_flow(
    connection: Connection,
    *,
    learner: Learner,
    partitions: int,
    stop: Stop,
    group: str | None = None,
    pace: Pace | None = None,
) -> FollowFlow:
    """The flow that feeds a learner from ``lessons``.

    Args:
        connection: The brokers.
        learner: What learns.
        partitions: Those of ``lessons``.
        stop: Asked when it should end.
        group: Consumer group that positions are reported to.
        pace: How to read; the default ticks ten times a second.

    Raises:
        TransportError: The brokers can't be reached, or refuse us.
    """
    return FollowFlow(
        connection,
        follower=learner,
        role=topics.LESSONS,
        partitions=partitions,
        stop=stop,
        group=group,
        pace=pace,
    )
