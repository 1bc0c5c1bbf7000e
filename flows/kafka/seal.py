"""Records on topics that nobody reads without the customer's key: AES-256-GCM-SIV by `cryptography`.

    key        keyed hash of the customer (16 bytes), or none
    headers    sealed: the shard whose key ring holds the key
    value      version (1) | key id (8) | nonce (12) | ciphertext and tag (16) of key, headers and value

Whoever writes makes a customer's first key; destroying it with the state's (`state.sealed`) darkens what lies on every
topic, in every copy. A request for erasure turns the key over as it is written, so what comes after it stays readable;
it, and the certificate, are sealed with the shard's own key, for they must outlive the customer's. The nonce follows
from the content: a record that is sent again has the same bytes (RFC 8452 is safe under that).

Records that are not sealed are taken as they are, so sealing can be switched on over a log that is not empty.
"""

import time
from collections.abc import Iterable
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV

from flows import outputs
from flows.partition import partition_of
from flows.records import Headers, Parcel, Record
from schemas import topics
from schemas.errors import StateError
from state.key_cache import DataKey
from state.keyring import ID_BYTES, KeyRing, topic_tag
from state.sealed import Vault, ring_path

SEALED = "sealed"
"""Header of a sealed record; its value is the number of the ring."""
PARTING = "parting"
"""Sealed header of a request for erasure: the turn of the keys that ends with it."""
ERASURE = "erasure.requested"
OUTLIVING = frozenset({ERASURE, "erasure.certified"})
"""Types that are sealed with the shard's own key."""
LOOK_EVERY_S = 0.1
"""How often it is looked whether another process destroyed keys or turned them over."""
_VERSION = b"\x01"
_NONCE = 12
_BODY = 1 + ID_BYTES + _NONCE
_HINT = (
    "give state.key_directory and the master key of the workers that wrote it; a lost ring comes back from its "
    "own backup"
)


class TopicSeal:
    """Seals what is written on some topics, and opens whatever is sealed. Used from one thread."""

    def __init__(
        self, directory: Path, vault: Vault, *, shards: int, roles: Iterable[str] = ()
    ) -> None:
        """Nothing is opened yet.

        Args:
            directory: Where the key rings lie.
            vault: Opens them; not the one of open shards, whose keys in clear are its own.
            shards: Partitions of the customers' log, and of every topic that is sealed.
            roles: Topics whose records are sealed; on none they are opened all the same.
        """
        self._directory, self._vault, self._shards = directory, vault, shards
        self.roles = frozenset(roles)
        self._rings: dict[int, KeyRing] = {}
        self._look_at = 0.0

    def prepare(self, parcels: Iterable[Parcel]) -> None:
        """Make the keys of customers who have none yet, together: each time costs a sync of the disk."""
        self._look()
        wanted: dict[int, set[bytes]] = {}
        for parcel in parcels:
            if parcel.topic in self.roles and parcel.key is not None:
                shard = partition_of(parcel.key, partitions=self._shards)
                wanted.setdefault(shard, set()).add(_tag(self._ring(shard), parcel.key))
        for shard, tags in wanted.items():
            self._ring(shard).obtain(tags)

    def closed(self, parcel: Parcel) -> Parcel:
        """The parcel as it is to be written: sealed, and with its partition, if it is for a topic that is.

        Raises:
            StateError: The ring can't be read or written. Disposition: halt.
        """
        if parcel.topic not in self.roles:
            return parcel
        self._look()
        shard = 0 if parcel.key is None else partition_of(parcel.key, partitions=self._shards)
        ring = self._ring(shard)
        tag = None if parcel.key is None else _tag(ring, parcel.key)
        heads, kind = (
            parcel.headers,
            dict(parcel.headers).get(outputs.KIND, b"").decode(errors="replace"),
        )
        key = ring.own if tag is None or kind in OUTLIVING else _held(ring, tag)
        if tag is not None and _parts(parcel):
            heads = (*heads, (PARTING, b"%d" % ring.part(tag)))
        body = msgspec.msgpack.encode((parcel.key, parcel.value, heads))
        place = _place(parcel.topic, shard, tag)
        nonce = blake2b(body, key=place[:64], digest_size=_NONCE).digest()
        sealed = AESGCMSIV(key.secret).encrypt(nonce, body, place)
        return replace(
            parcel,
            key=tag,
            value=_VERSION + key.id + nonce + sealed,
            headers=((SEALED, b"%d" % shard),),
            partition=None if tag is None else shard,
        )

    def opened(self, record: Record) -> Record:
        """The record as it was before it was sealed; a dark one when its key was destroyed.

        One that was changed, or is no sealed record at all, comes back as it is: it can't be decoded, and is put aside.

        Raises:
            StateError: ``state.corrupt``: its key is lost; ``state.version-too-new``; ``state.other-configuration``:
                another master key. Disposition: halt.
        """
        shard = self._ring_of(record)
        if shard is None:
            return record
        self._look()
        value = record.value or b""
        if value[:1] > _VERSION:
            raise StateError(
                "state.version-too-new",
                f"{record.place} is sealed in format {value[0]}",
                hint="start the release that wrote it, or a newer one",
            )
        ring = self._ring(shard, new=False)
        key_id = value[1 : 1 + ID_BYTES]
        key = ring.own if key_id == ring.own.id else ring.named(record.key or b"", key_id)
        if key is None:
            return replace(record, key=None, value=None, headers=(), dark=True)
        try:
            body = AESGCMSIV(key.secret).decrypt(
                value[1 + ID_BYTES : _BODY],
                value[_BODY:],
                _place(record.topic, shard, record.key),
            )
        except (InvalidTag, ValueError):
            return record
        name, content, heads = msgspec.msgpack.decode(
            body, type=tuple[bytes | None, bytes | None, Headers]
        )
        return _parted(replace(record, key=name, value=content, headers=heads))

    def close(self) -> None:
        """Give the rings up."""
        for ring in self._rings.values():
            ring.close()
        self._rings.clear()

    def _look(self) -> None:
        now = time.monotonic()
        if now >= self._look_at:
            self._look_at = now + LOOK_EVERY_S
            for ring in self._rings.values():
                ring.refresh()

    def _ring_of(self, record: Record) -> int | None:
        """The number of the ring that a record is sealed with; None when it is not."""
        if not record.headers or record.headers[0][0] != SEALED:
            return None
        number = record.headers[0][1]
        whole = number.isdigit() and len(record.value or b"") > _BODY
        return int(number) if whole and int(number) < self._shards else None

    def _ring(self, shard: int, *, new: bool = True) -> KeyRing:
        ring = self._rings.get(shard)
        if ring is None:
            path = ring_path(self._directory, shard)
            if not new and not path.exists():
                raise StateError(
                    "state.corrupt", f"a record is sealed, and {path.name} is not there", hint=_HINT
                )
            ring = self._rings[shard] = self._vault.ring(shard)
        return ring


def _tag(ring: KeyRing, key: bytes) -> bytes:
    return topic_tag(ring.tag(key.decode(errors="replace")))


def _held(ring: KeyRing, tag: bytes) -> DataKey:
    """The customer's newest key; made again should another process destroy it at this moment."""
    while (key := ring.find(tag)) is None:
        ring.obtain([tag])
    return key


def _place(role: str, shard: int, tag: bytes | None) -> bytes:
    """What is authenticated with a record, so that it opens on its own topic and under its own key alone."""
    return b"%s|%d|%s" % (role.encode(), shard, tag or b"")


def _parts(sealed: Parcel | Record) -> bool:
    """Whether it is a customer's erasure: it is sealed with one header more, the last, which says the turn that ends."""
    kind = dict(sealed.headers).get(outputs.KIND)
    return (
        sealed.key is not None
        and kind == ERASURE.encode()
        and sealed.topic == topics.CUSTOMER_EVENTS
    )


def _parted(record: Record) -> Record:
    """The turn that ends with an erasure, out of its header. A sender's own header of that name is the sender's."""
    if not _parts(record) or record.headers[-1][0] != PARTING:
        return record
    *kept, (_, turn) = record.headers
    return replace(record, headers=tuple(kept), parting=int(turn))
