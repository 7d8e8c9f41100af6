"""Reads a sentence-transformers model with torch and writes its float ONNX graph."""

import io
import warnings
from collections.abc import Sequence
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import torch
from sentence_transformers import SentenceTransformer

from kit.errors import InvalidRequest
from services.search.engines.embeddings.exported import Pooling
from services.search.engines.embeddings.sources import locate
from services.search.ports import Vectors

_OPSET: Final = 17
_STAGES: Final = {"Transformer", "Pooling", "Normalize"}


@dataclass(frozen=True, slots=True)
class Traced:
    """A model whose graph takes `input_ids` (batch, length) and gives unit vectors."""

    dimension: int
    sequence: int
    pooling: Pooling
    prompts: dict[str, str]
    tokenizer: str
    """The tokenizer's JSON."""
    model: Any

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """What torch makes of the texts: the truth that the exported graph is held to."""
        made = self.model.encode(
            list(texts), prompt="", normalize_embeddings=True, show_progress_bar=False
        )
        return cast(Vectors, made)


class _Sentence(torch.nn.Module):  # type: ignore[misc]  # torch is not typed here
    """The whole way from token ids to a unit vector; every text of a batch has the same length."""

    def __init__(self, encoder: torch.nn.Module, pooling: Pooling) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling

    def forward(self, input_ids: torch.Tensor) -> torch.Tensor:
        states = self.encoder(input_ids=input_ids, attention_mask=None).last_hidden_state
        pooled = states.mean(dim=1) if self.pooling == "mean" else states[:, 0]
        return pooled / pooled.norm(dim=1, keepdim=True).clamp(min=1e-12)


def trace(model: str, target: Path) -> Traced:
    """Loads `model` (an id or a folder) without running its code; raises InvalidRequest if unfit.

    The graph has no attention mask: batches hold texts of one length, so nothing is padded.
    """
    with redirect_stderr(io.StringIO()):  # the loader's progress bar
        loaded = SentenceTransformer(
            locate(model),
            device="cpu",
            trust_remote_code=False,
            model_kwargs={"attn_implementation": "eager", "use_safetensors": True},
        )
    loaded.eval()
    pooling = _pooling(model, loaded)
    _write(_Sentence(loaded[0].auto_model, pooling), target)
    prompts = {kind: text for kind in ("query", "document") if (text := loaded.prompts.get(kind))}
    return Traced(
        dimension=loaded.get_embedding_dimension(),
        sequence=loaded.max_seq_length or loaded.tokenizer.model_max_length,
        pooling=pooling,
        prompts=prompts,
        tokenizer=loaded.tokenizer.backend_tokenizer.to_str(),
        model=loaded,
    )


def _pooling(model: str, loaded: Any) -> Pooling:
    stages = [type(stage).__name__ for stage in loaded]
    mode = getattr(loaded[1], "pooling_mode", None) if len(stages) > 1 else None
    if not set(stages) <= _STAGES or mode not in ("mean", "cls"):
        raise InvalidRequest(
            f"{model} is {' > '.join(stages)} with {mode} pooling; the onnx engine serves "
            "a Transformer with mean or cls pooling. Use the sentence_transformers engine for it.",
            param="model",
        )
    return cast(Pooling, mode)


def _write(sentence: torch.nn.Module, target: Path) -> None:
    example = torch.randint(5, 900, (2, 16))
    with torch.no_grad(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracer warns of each shape that it reads
        torch.onnx.export(
            sentence,
            (example,),
            str(target),
            input_names=["input_ids"],
            output_names=["embedding"],
            dynamic_axes={"input_ids": {0: "batch", 1: "length"}, "embedding": {0: "batch"}},
            opset_version=_OPSET,
            dynamo=False,  # the newer exporter's graph keeps shape arithmetic that is not folded
        )
