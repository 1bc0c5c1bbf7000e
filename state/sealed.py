"""Rows that nobody reads without the customer's key: AES-256-GCM by `cryptography`, no cryptography of our own.

    c|<tag>                              a record       sealed with its customer's key
    t|<due_ms>|<tag><tag of the name>    a timer        its customer and name sealed with its customer's key
    o|<sequence>                         an output      <tag> and a seal with its customer's key; the shard's own
                                                        key for what has no customer with a key, and for the
                                                        last words of a customer who is being erased

A tag is a keyed hash (`state.keyring`), so no id of a customer lies in a key, an index block, a log or the manifest of
RocksDB. A value is ``key id (8 bytes) | nonce (12, random) | ciphertext and tag (16)``; the row's key is
authenticated with it, so a value that is put in another row's place does not open.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from secrets import token_bytes

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from schemas.customer import Customer
from schemas.errors import StateError
from state import keys
from state.codec import RESTORE_HINT, decode, encode
from state.key_cache import DataKey, KeyCache
from state.keyring import ID_BYTES, TAG_BYTES, KeyRing, topic_tag
from state.outbox import OutboxEntry, decode_entry, encode_entry
from state.ring_check import ring_flaws
from state.rows import Row
from state.store import DEFAULT_CACHED_CUSTOMERS, ShardBatch
from state.timers import Timer

_NONCE = 12
_BODY = ID_BYTES + _NONCE
_TIMER_NAME = len(keys.timers_from(0)) + 1 + TAG_BYTES
_NOBODY = bytes(TAG_BYTES)
"""Stands for the tag of an output that the shard's own key seals."""


class Vault:
    """How the shards of a worker are sealed: where the key rings lie, and the master keys."""

    def __init__(
        self,
        directory: Path,
        *,
        masters: Sequence[bytes],
        cached: int = DEFAULT_CACHED_CUSTOMERS,
    ) -> None:
        """Nothing is opened yet; ``cached`` bounds the keys that are held in clear."""
        self._directory = directory
        self._masters = tuple(masters)
        self._cache = KeyCache(capacity=cached)

    def rows(self, shard: int) -> "SealedRows":
        """The sealed rows of a shard. Raises as `KeyRing`."""
        return SealedRows(self.ring(shard))

    def ring(self, shard: int) -> KeyRing:
        """The key ring of a shard."""
        return KeyRing(
            ring_path(self._directory, shard),
            shard=shard,
            masters=self._masters,
            cache=self._cache,
        )

    def rings(self) -> dict[int, Path]:
        """The key rings that there are, by shard."""
        found = sorted(self._directory.glob("keys-[0-9][0-9][0-9][0-9].sqlite"))
        return {int(path.stem.removeprefix("keys-")): path for path in found}

    def flaws(self, shard: int) -> list[str]:
        """What is wrong with the key ring of a shard. Raises as `ring_flaws`."""
        path = ring_path(self._directory, shard)
        found = ring_flaws(path, shard=shard, masters=self._masters)
        return [f"{path}: {words}" for words in found]


def ring_path(directory: Path, shard: int) -> Path:
    """Where the key ring of a shard lies.

    Example:
        >>> ring_path(Path("keys"), 7).as_posix()
        'keys/keys-0007.sqlite'
    """
    return directory / f"keys-{shard:04d}.sqlite"


class SealedRows:
    """The rows of one shard, over its key ring."""

    def __init__(self, ring: KeyRing) -> None:
        """Take the ring over; it is open until `close`."""
        self._ring = ring
        self._parting: frozenset[bytes] = frozenset()

    @property
    def mark(self) -> bytes:
        """Which ring the shard is sealed with."""
        return self._ring.ring

    def prepare(self, batch: ShardBatch) -> None:
        """Keys for the customers who have none yet."""
        tag = self._ring.tag
        self._parting = frozenset(map(tag, batch.erased))
        if batch.erased:
            turns = {topic_tag(tag(who)): batch.parted.get(who) for who in batch.erased}
            self._ring.note_parting(turns)
        staying = {tag(c) for c, record in batch.customers.items() if record is not None}
        self._ring.obtain(staying, anew=staying & self._parting)

    def customer_key(self, customer: str) -> bytes:
        """By the customer's tag."""
        return keys.CUSTOMERS + self._ring.tag(customer)

    def customer_of(self, key: bytes, value: bytes) -> str | None:
        """As the record says."""
        body = self.encoded(key, value)
        return None if body is None else decode(body).customer

    def record(self, record: Customer) -> bytes:
        """Sealed with the customer's key, which `prepare` saw to."""
        tag = self._ring.tag(record.customer)
        return _seal(self._held(tag), encode(record), place=keys.CUSTOMERS + tag)

    def record_of(self, customer: str, value: bytes) -> Customer | None:
        """The record, None when its key was destroyed."""
        tag = self._ring.tag(customer)
        body = self._open(tag, value, place=keys.CUSTOMERS + tag)
        return None if body is None else decode(body)

    def encoded(self, key: bytes, value: bytes) -> bytes | None:
        """The record's bytes, None when its key was destroyed."""
        return self._open(key[len(keys.CUSTOMERS) :], value, place=key)

    def timer_key(self, timer: Timer) -> bytes:
        """Only the instant is in clear: timers lie in its order."""
        tag = self._ring.tag
        return keys.timers_from(timer.due_ms) + b"|" + tag(timer.customer) + tag(timer.name)

    def timer(self, timer: Timer) -> Row:
        """Sealed with the customer's key."""
        key = self.timer_key(timer)
        text = f"{timer.customer}\0{timer.name}".encode()
        return key, _seal(self._held(self._ring.tag(timer.customer)), text, place=key)

    def timer_of(self, key: bytes, value: bytes) -> Timer | None:
        """The timer, None when its customer's key was destroyed."""
        body = self._open(key[_TIMER_NAME - TAG_BYTES : _TIMER_NAME], value, place=key)
        if body is None:
            return None
        customer, name = body.decode().split("\0", 1)
        return Timer(keys.timer_due(key), customer, name)

    def entry(self, entry: OutboxEntry) -> Row:
        """Sealed with its customer's key where there is one to stay."""
        tag = _NOBODY if entry.key is None else self._ring.tag(entry.key.decode(errors="replace"))
        held = None if tag in self._parting or tag == _NOBODY else self._ring.find(tag)
        if held is None:
            tag, held = _NOBODY, self._ring.own
        key = keys.outbox_key(entry.sequence)
        return key, tag + _seal(held, encode_entry(entry), place=key)

    def entry_of(self, key: bytes, value: bytes) -> OutboxEntry | None:
        """The output, None when its customer's key was destroyed."""
        body = self._open(value[:TAG_BYTES], value[TAG_BYTES:], place=key)
        return None if body is None else decode_entry(keys.outbox_sequence(key), body)

    def destroy(self, tombs: Mapping[bytes, bytes | None]) -> None:
        """Destroy the keys but those of who came back in the same batch."""
        self._ring.destroy(
            {
                key[len(keys.CUSTOMERS) :]: None if value is None else value[:ID_BYTES]
                for key, value in tombs.items()
            }
        )

    def close(self) -> None:
        """Close the ring."""
        self._ring.close()

    def _held(self, tag: bytes) -> DataKey:
        key = self._ring.find(tag)
        if key is None:
            message = "a record is written whose batch was not prepared"
            raise AssertionError(message)
        return key

    def _open(self, tag: bytes, value: bytes, *, place: bytes) -> bytes | None:
        own = self._ring.own
        key = own if tag == _NOBODY else self._ring.named(tag, value[:ID_BYTES])
        if key is None:
            return None
        try:
            return AESGCM(key.secret).decrypt(value[ID_BYTES:_BODY], value[_BODY:], place)
        except (InvalidTag, ValueError) as error:
            raise StateError(
                "state.corrupt", "a sealed row does not open with its key", hint=RESTORE_HINT
            ) from error


def _seal(key: DataKey, body: bytes, *, place: bytes) -> bytes:
    nonce = token_bytes(_NONCE)
    return key.id + nonce + AESGCM(key.secret).encrypt(nonce, body, place)
