"""Signs receipts so that anybody can check them: W3C Data Integrity, cryptosuite ``eddsa-jcs-2022``.

The key's name is a ``did:key``, which holds the public key itself. Canonical JSON is RFC 8785 as far as
receipts need it: they hold text, lists and objects, whose names are ASCII.
"""

from collections.abc import Mapping
from hashlib import sha256
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from schemas.errors import ConfigError

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
ED25519 = b"\xed\x01"
"""Multicodec prefix of an Ed25519 public key."""
SEED_BYTES = 32


class Signer:
    """Signs documents with one key; the same document and instant give the same proof.

    Source: W3C Data Integrity EdDSA Cryptosuites v1.0, section 3.3; RFC 8032; RFC 8785.
    """

    def __init__(self, seed: str) -> None:
        """Take the key's seed, 32 bytes as hexadecimal.

        Raises:
            ConfigError: ``config.bad-value``; the seed is not shown. Disposition: halt.
        """
        try:
            raw = bytes.fromhex(seed)
        except ValueError:
            raw = b""
        if len(raw) != SEED_BYTES:
            raise ConfigError(
                "config.bad-value",
                "consent.signing_key: not 32 bytes as hexadecimal",
                hint="make one: openssl rand -hex 32",
            )
        self._key = Ed25519PrivateKey.from_private_bytes(raw)
        public = self._key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.did = f"did:key:z{_base58(ED25519 + public)}"

    def seal(self, document: dict[str, Any], created: str) -> dict[str, Any]:
        """The document with its proof."""
        proof = {
            "type": "DataIntegrityProof",
            "cryptosuite": "eddsa-jcs-2022",
            "created": created,
            "verificationMethod": f"{self.did}#{self.did.removeprefix('did:key:')}",
            "proofPurpose": "assertionMethod",
        }
        signature = self._key.sign(_digest(document, proof))
        return {**document, "proof": {**proof, "proofValue": f"z{_base58(signature)}"}}


def flaws(document: Mapping[str, Any], *, did: str = "") -> list[str]:
    """What is wrong with a document's proof, in words; nothing if it holds.

    Args:
        document: With its proof.
        did: The key that it must be of; by default any, which shows that it was not changed, not whose it is.
    """
    proof = document.get("proof")
    if not isinstance(proof, dict):
        return ["the receipt is not signed"]
    method = str(proof.get("verificationMethod", "")).partition("#")[0]
    if did and method != did:
        return [f"it is signed by {method}"]
    try:
        key = Ed25519PublicKey.from_public_bytes(
            _unbase58(method.removeprefix("did:key:z"))[len(ED25519) :]
        )
        signature = _unbase58(str(proof.get("proofValue", ""))[1:])
        bare = {name: value for name, value in proof.items() if name != "proofValue"}
        unsigned = {name: value for name, value in document.items() if name != "proof"}
        key.verify(signature, _digest(unsigned, bare))
    except (InvalidSignature, ValueError):
        return ["its signature does not fit its content"]
    return []


def _digest(document: Mapping[str, Any], proof: Mapping[str, Any]) -> bytes:
    bound = {"@context": document["@context"], **proof} if "@context" in document else proof
    return sha256(_canonical(bound)).digest() + sha256(_canonical(document)).digest()


def _canonical(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)


def _base58(data: bytes) -> str:
    r"""Bitcoin's base 58.

    Example:
        >>> _base58(b"Hello World!"), _unbase58(_base58(bytes([0, 1])))
        ('2NEpo7TZRRrLZSi2U', b'\x00\x01')
    """
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def _unbase58(text: str) -> bytes:
    number = 0
    for letter in text:
        number = number * 58 + ALPHABET.index(letter)
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")
