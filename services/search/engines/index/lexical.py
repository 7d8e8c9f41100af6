"""BM25 as sparse vectors, made here for every store so that their token ids agree."""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from qdrant_edge import Bm25, Bm25Config, DisabledStemmer, StopwordsSet, TokenizerType

from services.search.ports import CollectionSpec

K: Final = 1.5  # better than the library's 1.2 on Cranfield, CISI, MED and ADI
B: Final = 0.75

_CODES: Final = {
    "ar": "arabic", "az": "azerbaijani", "eu": "basque", "bn": "bengali", "ca": "catalan",
    "zh": "chinese", "da": "danish", "nl": "dutch", "en": "english", "fi": "finnish",
    "fr": "french", "de": "german", "el": "greek", "he": "hebrew", "hu": "hungarian",
    "id": "indonesian", "it": "italian", "ja": "japanese", "kk": "kazakh", "ne": "nepali",
    "no": "norwegian", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sl": "slovene",
    "es": "spanish", "sv": "swedish", "tg": "tajik", "tr": "turkish",
}  # fmt: skip
_UNSPACED: Final = {"chinese", "japanese", None}
_SATURATION: Final = 1e6


@dataclass(frozen=True, slots=True)
class SparseVector:
    indices: list[int]
    values: list[float]


def supported_language(language: str) -> str | None:
    """The encoder's name of a language given as a name or code (`German`, `de-AT`), or None."""
    name = language.strip().lower()
    if name in _CODES.values():
        return name
    return _CODES.get(name.replace("_", "-").partition("-")[0])


def encode_document(spec: CollectionSpec, text: str) -> SparseVector:
    made = _encoder(supported_language(spec.language), spec.average_length, K, B)
    vector = made.embed_document(text)
    return SparseVector(vector.indices, vector.values)


def encode_query(spec: CollectionSpec, text: str) -> SparseVector | None:
    """None where the text has no word to look for: only stop words, or nothing."""
    made = _encoder(supported_language(spec.language), spec.average_length, K, B)
    vector = made.embed_query(text)
    return SparseVector(vector.indices, vector.values) if vector.indices else None


def measure_average_length(texts: Iterable[str], language: str) -> float:
    """Mean number of words that the encoder keeps of a chunk, for `CollectionSpec.average_length`.

    At least 1.0; a corpus without words has no length to tune by.
    """
    # Without length normalisation and saturation, a token's weight is how often it occurs.
    counter = _encoder(supported_language(language), 1.0, _SATURATION, 0.0)
    lengths = [sum(round(v) for v in counter.embed_document(text).values) for text in texts]
    return max(1.0, sum(lengths) / len(lengths)) if lengths else 1.0


@lru_cache(maxsize=64)
def _encoder(language: str | None, average_length: float, k: float, b: float) -> Bm25:
    tokenizer = TokenizerType.Multilingual if language in _UNSPACED else TokenizerType.Word
    if language is None:
        return Bm25(
            Bm25Config(
                k=k,
                b=b,
                avg_len=average_length,
                tokenizer=tokenizer,
                stemmer=DisabledStemmer(),
                stopwords=StopwordsSet(),
            )
        )
    config = Bm25Config(k=k, b=b, avg_len=average_length, tokenizer=tokenizer, language=language)
    return Bm25(config)
