"""Bodies of records made small, and back: Zstandard (RFC 8878) with a dictionary that comes with the release.

Records of customers are alike: names of fields, memories and categories, days without a movement. The dictionary
holds what they share, so that none of it is stored a second time. It was trained on the simulated town
(`scripts/bench records --train`), holds nothing of a real customer, and stands for the versions of the codec that
name it: other bytes are another dictionary under another name, and this one stays.
"""

from hashlib import sha256
from pathlib import Path
from threading import local

from zstandard import (
    DICT_TYPE_FULLDICT,
    FORMAT_ZSTD1_MAGICLESS,
    STRATEGY_FAST,
    ZstdCompressionDict,
    ZstdCompressionParameters,
    ZstdCompressor,
    ZstdDecompressor,
    ZstdError,
)

from schemas.errors import StateError

DICTIONARY = Path(__file__).parent / "dictionaries" / "customer-v5.zdict"
DIGEST = "9dda056170d76593887b0c40b30ffadbb9fd627f6dd99732f4065f46938b74fe"
"""SHA-256 of the dictionary. With another one, bytes would come back that nobody wrote."""
PARAMETERS = ZstdCompressionParameters(
    format=FORMAT_ZSTD1_MAGICLESS,
    strategy=STRATEGY_FAST,
    window_log=15,
    hash_log=14,
    chain_log=14,
    search_log=1,
    min_match=4,
    target_length=0,
    # The codec's header says version and checksum already.
    write_checksum=False,
    write_dict_id=False,
)
"""The fastest strategy, with short matches: numbers of a few bytes are what a record is made of."""


class _Coders(local):
    """A compressor and a decompressor for each thread: neither may serve two at once."""

    def __init__(self) -> None:
        self.compress = ZstdCompressor(compression_params=PARAMETERS, dict_data=_WORDS).compress
        self.decompress = ZstdDecompressor(
            dict_data=_WORDS, format=FORMAT_ZSTD1_MAGICLESS
        ).decompress


def squeeze(body: bytes) -> bytes:
    """The same in fewer bytes.

    Example:
        >>> len(squeeze(bytes(1000))) < 20, expand(squeeze(bytes(1000))) == bytes(1000)
        (True, True)
    """
    made: bytes = _CODERS.compress(body)
    return made


def expand(squeezed: bytes) -> bytes:
    """What was squeezed.

    Raises:
        ValueError: It was not.
    """
    try:
        body: bytes = _CODERS.decompress(squeezed)
    except (ZstdError, MemoryError) as error:  # the second: of a size that nobody wrote
        message = "it is not what was squeezed"
        raise ValueError(message) from error
    return body


def dictionary() -> ZstdCompressionDict:
    """What is shipped.

    Raises:
        StateError: ``state.corrupt``: it is another one. Disposition: halt.
    """
    content = DICTIONARY.read_bytes()
    if sha256(content).hexdigest() != DIGEST:
        raise StateError(
            "state.corrupt",
            f"{DICTIONARY.name} is not the one that records are written with",
            hint="install the release anew: the state is not at fault",
        )
    return ZstdCompressionDict(content, dict_type=DICT_TYPE_FULLDICT)


_WORDS = dictionary()
_CODERS = _Coders()
