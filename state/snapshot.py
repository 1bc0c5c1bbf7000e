"""A shard as others may read it: what its worker has committed, beside the worker and without its lock.

RocksDB opens the directory as a secondary: it follows the worker's files and its write-ahead log, and writes
nothing there. A read is of the last `refresh`, one instant of the shard; what a worker still holds back
(`flows.shard`: some 50 ms, under load without rest 256 records) comes with a later one.
"""

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

from schemas.customer import Customer
from schemas.errors import StateError
from state import keys
from state.contents import Contents, readable
from state.directory import MANIFEST, shard_path
from state.identity import Identity, check_seal, decode_identity
from state.rocks import SEAL
from state.rocks_engine import Database, RocksEngine, caught_up, scan
from state.rows import PlainRows
from state.sealed import Vault
from state.store import TopicPartition


def identity_of(directory: Path) -> Identity:
    """What a state directory was made under: how many shards there are, for one.

    Raises:
        StateError: ``state.unwritable`` when it is none, ``state.corrupt`` or ``state.version-too-new``.
    """
    manifest = directory / MANIFEST
    if not manifest.is_file():
        raise _absent(f"{directory} holds no {MANIFEST}")
    return decode_identity(manifest.read_bytes(), what=MANIFEST)


class ShardSnapshot:
    """One shard, read only. Use it in a ``with``; nothing of it may be written back."""

    def __init__(
        self,
        directory: Path,
        *,
        shard: int,
        vault: Vault | None = None,
        engine: RocksEngine | None = None,
    ) -> None:
        """Open a shard of a worker's state directory, as it is now.

        Args:
            directory: ``decide.state_directory``.
            shard: Its number.
            vault: What seals the shard; None when it is plain.
            engine: What RocksDB shares between shards; by default one for this shard.

        Raises:
            StateError: ``state.unwritable`` when the shard is not there, ``state.other-configuration`` when it
                is sealed otherwise, ``state.corrupt`` or ``state.version-too-new``.
        """
        path = shard_path(directory, shard)
        if not path.is_dir():
            raise _absent(f"{directory} holds no shard {shard}")
        self._what = f"read of shard {shard}"
        self._rows = PlainRows() if vault is None else vault.rows(shard)
        self._notes = TemporaryDirectory(prefix="market-of-one-read-")
        self._database = (engine or RocksEngine()).follow(path, notes=Path(self._notes.name))
        try:
            self.refresh()
            check_seal(self._database.get(SEAL) or b"", self._rows.mark, what=path.name)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        """Itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close."""
        self.close()

    def refresh(self) -> None:
        """Move on to what the worker has committed by now."""
        caught_up(self._database, self._what)

    def customer(self, customer: str) -> Customer | None:
        """The record of a customer, None when there is none.

        Raises:
            StateError: ``state.corrupt`` or ``state.version-too-new``.
        """
        data: bytes | None = self._database.get(self._rows.customer_key(customer))
        return None if data is None else self._rows.record_of(customer, data)

    def customers(self) -> Iterator[str]:
        """Everybody in the shard, in the order in which they lie there: by id, where it is plain."""
        for key, value in scan(self._database, keys.CUSTOMERS, what=self._what):
            customer = self._rows.customer_of(key, value)
            if customer is not None:
                yield customer

    def positions(self) -> dict[TopicPartition, int]:
        """How far the log was read: the next offset, per topic-partition."""
        return _positions(self._database, what=self._what)

    def contents(self) -> Contents:
        """Everything in the shard, added up.

        Raises:
            StateError: ``state.corrupt`` names the first row that is not what was written;
                ``state.version-too-new``.
        """
        found = Contents(self._rows)
        for key, value in scan(self._database, b"", what=self._what):
            flaw = found.take(key, value)
            if flaw is not None:
                raise StateError(
                    "state.corrupt",
                    f"{self._what}: row {readable(key)} {flaw}",
                    hint="scripts/state verify names everything that is damaged",
                )
        return found

    @property
    def sealed(self) -> bool:
        """Whether its rows are."""
        return bool(self._rows.mark)

    def close(self) -> None:
        """Let go of the files."""
        self._rows.close()
        self._database.close()
        self._notes.cleanup()


def positions_of(path: Path) -> dict[TopicPartition, int]:
    """How far the log was read in the folder of a shard, sealed or not: the next offset, per topic-partition.

    Raises:
        StateError: ``state.corrupt`` or ``state.unwritable``.
    """
    with TemporaryDirectory(prefix="market-of-one-read-") as notes:
        database = RocksEngine().follow(path, notes=Path(notes))
        try:
            return _positions(database, what=f"read of {path.name}")
        finally:
            database.close()


def _positions(database: Database, *, what: str) -> dict[TopicPartition, int]:
    return {
        keys.topic_partition(key): keys.unpack_offset(value)
        for key, value in scan(database, keys.POSITIONS, what=what)
    }


def _absent(detail: str) -> StateError:
    return StateError(
        "state.unwritable",
        detail,
        hint="name the decide.state_directory of the worker that owns the customer's shard",
    )
