"""Keyed randomness: the same key gives the same number on every machine, in every replay."""

from functools import lru_cache
from hashlib import blake2b


def uniform(key: str, salt: str) -> float:
    """A uniform number in [0, 1) with 53 bits, a pure function of its key and salt.

    Example:
        >>> uniform("decision-1", "model-a") == uniform("decision-1", "model-a")
        True
        >>> 0.0 <= uniform("decision-1", "model-b") < 1.0
        True

    Source: Salmon et al. 2011, counter-based generators; here RFC 7693 (BLAKE2) is the bijection.
    """
    keyed = _salted(salt).copy()
    keyed.update(key.encode())
    return (int.from_bytes(keyed.digest(), "big") >> 11) * 2.0**-53


@lru_cache(maxsize=64)
def _salted(salt: str) -> blake2b:
    """The hash as far as the salt goes, which is that of many draws; nobody changes it."""
    return blake2b(digest_size=8, key=salt.encode()[:64])


def identify(*parts: str) -> str:
    """A 128-bit hexadecimal id, a pure function of its parts.

    Example:
        >>> identify("a", "b") == identify("a", "b") != identify("ab")
        True
    """
    return blake2b("\x1f".join(parts).encode(), digest_size=16).hexdigest()
