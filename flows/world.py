"""The world that `decide` reads, kept fresh from control records: models, catalogue, verdicts.

A decision sees one world from its first to its last line: a world is replaced, never changed. A record
that can't be used leaves the world as it was.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import orjson
from pydantic import TypeAdapter, ValidationError

from flows import catalogue
from flows.records import Record
from operators.bandits import BANDITS
from operators.contracts import World
from schemas import topics
from schemas.errors import ConfigError, InputError, StateError
from schemas.models import (
    CommitteeSnapshot,
    ForecastSnapshot,
    IntentSnapshot,
    Models,
    Rollout,
    TasteSnapshot,
)
from schemas.offers import Item
from state.models import decode_model

Snapshot = CommitteeSnapshot | TasteSnapshot | IntentSnapshot | ForecastSnapshot
SLOTS: Mapping[str, type[Snapshot]] = {
    "committee": CommitteeSnapshot,
    "taste": TasteSnapshot,
    "intents": IntentSnapshot,
    "forecasts": ForecastSnapshot,
}
"""Key on the topic ``models`` → what lies under it; also the field of `schemas.models.Models`."""
CHAMPION, CHALLENGER, ROLLOUT = "champion", "challenger", "rollout"
"""Keys of the same topic by which people decide what serves: a committee that is pinned, one on trial, and how."""
KEPT = "committee@"
"""What begins the key of an earlier committee, which is kept to go back to."""
ROLLOUTS: TypeAdapter[Rollout] = TypeAdapter(Rollout)
VERDICTS: frozenset[str] = frozenset({"approved", "rejected"})


class WorldKeeper:
    """Takes control records in; `world` is the newest world."""

    def __init__(self, world: World) -> None:
        """Begin with the world of the configuration, which records replace part by part."""
        self.world = world
        self.newest = world.models.committee
        """The newest committee that the learner published, whatever serves."""
        self._pinned: CommitteeSnapshot | None = None
        self._shipped = tuple(item.id for item in world.catalogue)
        self._items: dict[str, Item] = {item.id: item for item in world.catalogue}
        self._takers: dict[str, Callable[[str, bytes | None], InputError | None]] = {
            topics.MODELS: self._model,
            topics.CATALOGUE: self._item,
            topics.VERDICTS: self._verdict,
        }

    def apply(self, record: Record) -> InputError | None:
        """Take one control record in; without a value it takes what stands under its key away.

        Returns:
            Why it can't be used, in which case the world is what it was.
        """
        taker = self._takers.get(record.topic)
        if taker is None:
            return InputError("input.unknown-topic", record.topic)
        return taker((record.key or b"").decode(errors="replace"), record.value)

    def _model(self, key: str, value: bytes | None) -> InputError | None:
        if key.startswith(KEPT):
            return None
        if key == ROLLOUT:
            return self._rollout(value)
        shape = CommitteeSnapshot if key in {CHAMPION, CHALLENGER} else SLOTS.get(key)
        if shape is None:
            return InputError("input.unknown-kind", f"no model is called {key[:32]!r}")
        snapshot = None if value is None else self._read(key, shape, value)
        if isinstance(snapshot, InputError):
            return snapshot
        if key == CHAMPION:
            self._pinned = cast("CommitteeSnapshot | None", snapshot)
        elif key == "committee":
            self.newest = cast("CommitteeSnapshot | None", snapshot)
        if key in {CHAMPION, "committee"}:
            key, snapshot = "committee", self._pinned or self.newest
        self.world = replace(self.world, models=_with(self.world.models, key, snapshot))
        return None

    def _read(self, key: str, shape: type[Snapshot], value: bytes) -> Snapshot | InputError:
        """The model of a record, or why it can't be used: corrupt, another's, or older than the one in use."""
        try:
            snapshot = decode_model(value)
        except StateError as error:
            return InputError("input.malformed", f"model {key}: {error.code}")
        if not isinstance(snapshot, shape):
            return InputError("input.invalid", f"under {key} lies a {type(snapshot).__name__}")
        in_use = self._in_use(key)
        if in_use is not None and snapshot.version < in_use.version:
            return InputError(
                "input.invalid",
                f"{key} {snapshot.version} is older than {in_use.version}, which is in use",
                hint="to go back to an earlier committee, pin it: python -m flows rollout",
            )
        return snapshot

    def _in_use(self, key: str) -> Snapshot | None:
        """What the learner published last under a key; people may put any version under theirs."""
        if key == "committee":
            return self.newest
        in_use: Snapshot | None = getattr(self.world.models, key) if key in SLOTS else None
        return in_use

    def _rollout(self, value: bytes | None) -> InputError | None:
        rollout: Rollout | None = None
        if value is not None:
            try:
                rollout = ROLLOUTS.validate_json(value)
            except ValidationError:
                return InputError(
                    "input.invalid",
                    "the record of a rollout is wrong",
                    hint="let `python -m flows rollout` write it",
                )
            if rollout.policy not in BANDITS:
                return InputError("input.invalid", f"no policy is called {rollout.policy[:32]!r}")
        self.world = replace(self.world, models=replace(self.world.models, rollout=rollout))
        return None

    def _item(self, key: str, value: bytes | None) -> InputError | None:
        items = dict(self._items)
        if value is None:
            items.pop(key, None)
        else:
            try:
                item = catalogue.parse(b"[" + value + b"]", name=topics.CATALOGUE)[0]
            except ConfigError as error:
                return InputError("input.invalid", error.detail, hint=error.hint)
            if item.id != key:
                return InputError("input.invalid", f"item {item.id} under another key")
            items[key] = item
        self._items = items
        # Those of the files in their order, the others by id: the same whatever was compacted away.
        later = sorted(items.keys() - set(self._shipped))
        ordered = tuple(items[name] for name in (*self._shipped, *later) if name in items)
        digests = {**self.world.digests, "catalogue": catalogue.digest(ordered)}
        self.world = replace(self.world, catalogue=ordered, digests=digests)
        return None

    def _verdict(self, key: str, value: bytes | None) -> InputError | None:
        verdicts = dict(self.world.models.verdicts)
        if value is None:
            verdicts.pop(key, None)
        else:
            try:
                body = orjson.loads(value)
            except orjson.JSONDecodeError:
                return InputError("input.malformed", "the verdict is not JSON")
            verdict = body.get("verdict") if isinstance(body, dict) else None
            if verdict not in VERDICTS:
                return InputError(
                    "input.invalid",
                    "the verdict is neither approved nor rejected",
                    hint='send {"verdict": "approved"} under the id of the item',
                )
            verdicts[key] = verdict
        self.world = replace(self.world, models=replace(self.world.models, verdicts=verdicts))
        return None


def _with(models: Models, key: str, snapshot: Snapshot | None) -> Models:
    fields: dict[str, Any] = {key: snapshot}
    return replace(models, **fields)
