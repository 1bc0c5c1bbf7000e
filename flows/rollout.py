"""Which committee serves: `python -m flows rollout` lists, pins, tries, promotes and goes back.

Every change is one record on the topic ``models``, which all workers read: it takes effect at its position on
that log, for everybody, and stands there for an audit.

    champion     a committee that is pinned; without one the newest serves
    challenger   a committee on trial
    rollout      the challenger's policy, and on which shares of decisions it is scored or chooses
    committee@N  earlier committees, to go back to
"""

import argparse
from dataclasses import dataclass, field

import orjson

from flows import outputs
from flows.access import connection_of
from flows.kafka import topics as kafka_topics
from flows.kafka.control import ControlReader
from flows.kafka.sink import LogWriter
from flows.records import Parcel, Record
from flows.settings import Settings
from flows.world import CHALLENGER, CHAMPION, KEPT, ROLLOUT
from operators.bandits import BANDITS
from schemas import topics
from schemas.errors import ConfigError, InputError, TransportError
from schemas.models import CommitteeSnapshot, Rollout
from state.models import COMMITTEE, decode_model

SOURCE = b"/market-of-one/rollout"


@dataclass(slots=True)
class Shelf:
    """What stands on the topic ``models``, by key. Takes control records as a `flows.world.WorldKeeper` does."""

    records: dict[str, bytes] = field(default_factory=dict)

    def apply(self, record: Record) -> InputError | None:
        """Remember the newest record of each key."""
        if record.topic == topics.MODELS:
            key = (record.key or b"").decode(errors="replace")
            if record.value is None:
                self.records.pop(key, None)
            else:
                self.records[key] = record.value
        return None

    def versions(self) -> dict[int, bytes]:
        """The committees that can serve, by version."""
        found = {}
        for key, value in self.records.items():
            if key in {COMMITTEE, CHAMPION, CHALLENGER} or key.startswith(KEPT):
                found[_committee(value).version] = value
        return dict(sorted(found.items()))

    def find(self, name: str) -> bytes:
        """The committee of a version, or the ``newest``.

        Raises:
            ConfigError: There is none. Disposition: halt.
        """
        versions = self.versions()
        newest = self.records.get(COMMITTEE)
        found = newest if name == "newest" else versions.get(int(name) if name.isdigit() else -1)
        if found is None:
            raise ConfigError(
                "config.bad-value",
                f"no committee {name!r} is kept",
                hint=f"these are: newest, {', '.join(map(str, versions))}",
            )
        return found


def changes(options: argparse.Namespace, shelf: Shelf) -> dict[str, bytes | None]:
    """The records to write, by key, in order; none to look only.

    Raises:
        ConfigError: A committee that is not kept, or nothing that could be promoted. Disposition: halt.
    """
    match options.change:
        case "pin":
            return {CHAMPION: shelf.find(options.version)}
        case "follow":
            return {CHAMPION: None}
        case "try":
            rollout = {
                "policy": options.policy,
                "shadow": options.shadow,
                "canary": options.canary,
            }
            return {CHALLENGER: shelf.find(options.version), ROLLOUT: orjson.dumps(rollout)}
        case "promote":
            challenger = shelf.records.get(CHALLENGER)
            if challenger is None:
                raise ConfigError(
                    "config.bad-value",
                    "nothing is on trial",
                    hint="begin with: rollout try VERSION",
                )
            return {CHAMPION: challenger, ROLLOUT: None, CHALLENGER: None}
        case "withdraw":
            return {ROLLOUT: None, CHALLENGER: None}
    return {}


def words(shelf: Shelf) -> list[str]:
    """What serves, what is on trial, and what there is to go back to."""
    newest, pinned = shelf.records.get(COMMITTEE), shelf.records.get(CHAMPION)
    lines = [
        f"newest      {_named(newest)}",
        f"serves      {_named(pinned or newest)}{' (pinned)' if pinned else ''}",
        f"challenger  {_named(shelf.records.get(CHALLENGER))}",
    ]
    rollout = shelf.records.get(ROLLOUT)
    if rollout is not None:
        lines.append(f"rollout     {rollout.decode(errors='replace')}")
    lines.append(f"kept        {', '.join(map(str, shelf.versions())) or 'none'}")
    return lines


def arguments(parser: argparse.ArgumentParser) -> None:
    """Add what can be asked for."""
    change = parser.add_subparsers(dest="change", metavar="CHANGE")
    pin = change.add_parser("pin", help="let one committee serve: roll back, or hold what serves")
    pin.add_argument("version", help="its number, or newest")
    change.add_parser("follow", help="let the newest serve again")
    trial = change.add_parser("try", help="put a challenger on trial")
    trial.add_argument("version", help="its number, or newest")
    trial.add_argument("--policy", choices=sorted(BANDITS), default=Rollout().policy)
    trial.add_argument(
        "--shadow", type=_share, default=1.0, help="share of decisions it is scored on"
    )
    trial.add_argument("--canary", type=_share, default=0.0, help="share on which it chooses")
    change.add_parser("promote", help="let the challenger serve")
    change.add_parser("withdraw", help="end the trial")


def roll_out(settings: Settings, options: argparse.Namespace) -> list[str]:
    """Change which committee serves, or only look; what holds then, in words.

    Raises:
        ConfigError: A topic is missing, or what was asked for is not there. Disposition: halt.
        TransportError: The brokers can't be reached, or refuse us.
    """
    connection, shelf = connection_of(settings), Shelf()
    counts = kafka_topics.check(connection, roles=topics.CONTROL, shards=settings.kafka.partitions)
    reader = ControlReader(connection, counts=counts, keeper=shelf, refused=lambda *_: None)
    return perform(options, reader=reader, shelf=shelf, writer=LogWriter(connection))


def perform(
    options: argparse.Namespace, *, reader: ControlReader, shelf: Shelf, writer: LogWriter
) -> list[str]:
    """Read what stands there, write what was asked for, and say what holds now.

    Raises:
        MarketOfOneError: The brokers can't be reached, or what was asked for is not there.
    """
    try:
        reader.read_whole()
    finally:
        reader.close()
    try:
        for key, value in changes(options, shelf).items():
            head = outputs.headers(
                record_id=f"{key}:{options.change}".encode(), source=SOURCE, kind=f"model.{key}"
            )
            writer.send(Parcel(topics.MODELS, key.encode(), value, head, lambda *_: None))
            shelf.apply(Record(topics.MODELS, 0, 0, key.encode(), value, head, 0))
    finally:
        left = writer.close()
    if left:
        raise TransportError(
            "transport.sink",
            f"{left} records of the change were not acknowledged",
            hint="ask `python -m flows rollout` what stands there, and repeat it",
        )
    return words(shelf)


def _committee(value: bytes) -> CommitteeSnapshot:
    snapshot = decode_model(value)
    assert isinstance(snapshot, CommitteeSnapshot)  # noqa: S101 - the learner writes nothing else here
    return snapshot


def _named(value: bytes | None) -> str:
    if value is None:
        return "none"
    snapshot = _committee(value)
    return f"version {snapshot.version}, {snapshot.lessons:,} lessons, digest {snapshot.digest}"


def _share(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{text} is not in 0..1")
    return value
