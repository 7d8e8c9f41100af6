"""Texts in, vectors out."""

from array import array
from base64 import b64decode, b64encode
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer, model_validator

from contracts.contract import Contract


def _packed(value: bytes) -> str:
    return b64encode(value).decode()


def _unpacked(value: object) -> object:
    return b64decode(value) if isinstance(value, str) else value


PackedFloats = Annotated[bytes, BeforeValidator(_unpacked), PlainSerializer(_packed)]
"""Little-endian float32s; base64 on the wire, eight times cheaper than digits in JSON."""


class EmbedRequest(Contract):
    """`texts`, or token ids of the model's own tokenizer; `dimensions` None is the model's own."""

    model: str = Field(min_length=1, max_length=2048)
    texts: list[str] | None = Field(default=None, max_length=2048)
    token_ids: list[list[int]] | None = Field(default=None, max_length=2048)
    kind: Literal["query", "document"] = "document"
    dimensions: int | None = Field(default=None, ge=1, le=4096)

    @model_validator(mode="after")
    def _one_form(self) -> "EmbedRequest":
        if (self.texts is None) == (self.token_ids is None):
            raise ValueError("give either texts or token_ids")
        return self


class EmbedReply(Contract):
    """`vectors` holds `len(tokens)` rows of `dimension` float32s."""

    model: str
    dimension: int
    vectors: PackedFloats
    tokens: list[int]

    def rows(self) -> list[list[float]]:
        """One list of `dimension` floats for each text."""
        floats = array("f", self.vectors).tolist()
        return [floats[at : at + self.dimension] for at in range(0, len(floats), self.dimension)]

    def packed_rows(self) -> list[str]:
        """The same in base64 of little-endian float32s."""
        width = 4 * self.dimension
        raw = self.vectors
        return [_packed(raw[at : at + width]) for at in range(0, len(raw), width)]
