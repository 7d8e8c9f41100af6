"""A model's own tokenizer: ids for the model, counts and spans for everybody else."""

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from tokenizers import Tokenizer

from kit.errors import InvalidRequest

# Its Rust threads would take every core behind the back of the engine's own thread limit.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

_PIECE: Final = 65_536  # code points; keeps the working memory of a 10 MB text small
_LONGEST_TOKEN: Final = 64  # code points that a text may spend on each token that is read
_COMMON_TOKEN: Final = 4  # code points, in languages of the Latin alphabet
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_SPACE: Final = re.compile(r"\s")


class Tokens:
    """Offsets are code points of the text as given. Lone surrogates are read as U+FFFD."""

    def __init__(self, path: Path, sequence: int) -> None:
        """`sequence` is the longest that the model reads, its special tokens counted."""
        whole = Tokenizer.from_file(str(path))
        whole.no_padding()
        whole.no_truncation()
        cut = Tokenizer.from_str(whole.to_str())
        cut.enable_truncation(sequence)
        self._whole, self._cut = whole, cut
        self.special: int = whole.num_special_tokens_to_add(False)
        self.longest = sequence - self.special

    def encode(self, texts: Iterable[str]) -> list[list[int]]:
        """Ids with the special tokens, cut at the end to what the model reads.

        No more than 64 code points for each token that fits are looked at.
        """
        heads = [self.head(text) for text in texts]
        return [encoding.ids for encoding in self._cut.encode_batch_fast(heads)]

    def head(self, text: str) -> str:
        """As much of the text as the model can read."""
        return _clean(text[: self.longest * _LONGEST_TOKEN])

    def guess(self, texts: Iterable[str]) -> int:
        """About how many tokens of the texts are read, for the price of looking at lengths."""
        return sum(
            self.special
            + min(self.longest, len(text) // _COMMON_TOKEN if text.isascii() else len(text))
            for text in texts
        )

    def count(self, text: str) -> int:
        return sum(
            len(self._whole.encode(piece, add_special_tokens=False).ids)
            for _, piece in _pieces(text)
        )

    def spans(self, text: str) -> list[tuple[int, int]]:
        return [
            (start + offset, end + offset)
            for offset, piece in _pieces(text)
            for start, end in self._whole.encode(piece, add_special_tokens=False).offsets
        ]

    def decode(self, token_ids: Sequence[int]) -> str:
        """Raises InvalidRequest for an id that the vocabulary lacks."""
        size = self._whole.get_vocab_size()
        for token_id in token_ids:
            if not 0 <= token_id < size:
                raise InvalidRequest(
                    f"Token id {token_id} is not in the model's vocabulary of {size}; token ids "
                    "must come from the model's own tokenizer. Send text instead.",
                    param="input",
                )
        return str(self._whole.decode(list(token_ids)))


def _clean(text: str) -> str:
    return text if text.isascii() else _SURROGATE.sub("\ufffd", text)


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    """The text in bounded pieces that end before white space where there is any."""
    start = 0
    while start < len(text):
        end = min(start + _PIECE, len(text))
        if end < len(text):
            end = next((at for at in range(end, end - 1024, -1) if _SPACE.match(text[at])), end)
        yield start, _clean(text[start:end])
        start = end
