"""Exports an embedding model once: `python -m services.search.engines.embeddings.export --help`.

Runs in a process of its own, because torch must never be loaded where requests are served.
"""

import os
import shutil
import sys
import tempfile
import time
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, Final

import numpy as np
import typer

from kit.errors import Internal, PlatformError, Unavailable
from services.search.engines.embeddings.exported import (
    GRAPH,
    MANIFEST,
    TOKENIZER,
    Manifest,
    Precision,
    digest_of,
    folder_for,
    read_manifest,
)
from services.search.engines.embeddings.session import Session
from services.search.engines.embeddings.sources import DEFAULT_MODEL
from services.search.engines.embeddings.tokens import Tokens

_LIBRARIES: Final = ("onnxruntime", "torch", "transformers", "sentence-transformers")
_LEAST_COSINE: Final[dict[Precision, float]] = {"int8": 0.98, "fp32": 0.9999}
_SAMPLE: Final = (
    "",
    "?",
    "Invoices are due within thirty days.",
    "How do I reset the password of my account?",
    "The turbine's bearing temperature rose to 94 °C before the breaker tripped.",
    "Ein Vertrag kann mit einer Frist von drei Monaten gekündigt werden.",
    "SELECT name FROM staff WHERE hired > '2021-04-01' ORDER BY name;",
    "Rinse the lentils, cover them with water, and simmer for twenty minutes. " * 3,
    "A tenant may withhold rent if the landlord does not repair the heating in winter. " * 12,
    "Photosynthesis turns light into sugar; respiration turns the sugar back into work. " * 40,
)


def export(model: str, target: Path, precision: Precision) -> Manifest:
    """Writes `target` whole or not at all; returns what is there if it was made meanwhile."""
    target.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix=".export-", dir=target.parent))
    scratch.chmod(0o755)  # servers may run as another user
    try:
        manifest = _fill(scratch, model, precision)
        try:
            scratch.rename(target)
        except OSError:  # another process was first: its folder is as good, if it is whole
            manifest = read_manifest(target)
        return manifest
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _fill(folder: Path, model: str, precision: Precision) -> Manifest:
    tracing, graph = _toolkit("tracing"), _toolkit("graph")
    _say(f"reading {model} and tracing its graph")
    with tempfile.TemporaryDirectory() as scratch:
        raw, fused = Path(scratch, "raw.onnx"), Path(scratch, "fused.onnx")
        traced = tracing.trace(model, raw)
        _say("fusing")
        graph.fuse(raw, fused)
        if precision == "int8":
            _say("quantising to int8")
            graph.quantize(fused, folder / GRAPH)
        else:
            shutil.copyfile(fused, folder / GRAPH)
    (folder / TOKENIZER).write_text(traced.tokenizer, encoding="utf-8")
    cosine = _cosine(folder, traced)
    if cosine < _LEAST_COSINE[precision]:
        raise Internal(
            f"The {precision} graph of {model} strays from the model: mean cosine {cosine:.4f}. "
            "Use --precision fp32, or the sentence_transformers engine."
        )
    manifest = Manifest(
        model=model,
        precision=precision,
        dimension=traced.dimension,
        sequence=traced.sequence,
        pooling=traced.pooling,
        prompts=traced.prompts,
        cosine=round(cosine, 5),
        versions={name: version(name) for name in _LIBRARIES},
        files={name: digest_of(folder / name) for name in (GRAPH, TOKENIZER)},
    )
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2), encoding="utf-8")
    _sync(folder)
    return manifest


def _toolkit(name: str) -> Any:
    try:
        return import_module(f"services.search.engines.embeddings.{name}")
    except ModuleNotFoundError as error:
        raise Unavailable(
            f"Exporting a model needs {error.name}; install it with: "
            "pip install 'undercroft[export]'"
        ) from error


def _cosine(folder: Path, traced: Any) -> float:
    """Each sample alone, so that a traced length or batch size would show."""
    _say("comparing with torch")
    tokens = Tokens(folder / TOKENIZER, traced.sequence)
    session = Session(folder / GRAPH, arena=False)
    made = [session.run(np.array([ids], np.int64))[0] for ids in tokens.encode(_SAMPLE)]
    return float((np.stack(made) * traced.vectors(_SAMPLE)).sum(axis=1).mean())


def _sync(folder: Path) -> None:
    for path in (*folder.iterdir(), folder):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _say(line: str) -> None:
    typer.echo(f"embeddings: {line}", err=True)


def main(
    *,
    model: Annotated[str, typer.Option(help="A hub id or a folder.")] = DEFAULT_MODEL,
    default: Annotated[bool, typer.Option("--default", help=f"{DEFAULT_MODEL}.")] = False,
    cache: Annotated[Path | None, typer.Option(help="Where exported models are kept.")] = None,
    out: Annotated[Path | None, typer.Option(help="An exact folder instead of --cache.")] = None,
    precision: Annotated[Precision, typer.Option(help="int8 or fp32.")] = "int8",
) -> None:
    """Exports an embedding model to ONNX; does nothing where that is done already."""
    chosen = DEFAULT_MODEL if default else model
    target = out or folder_for(cache or Path(".undercroft/models"), chosen, precision)
    began = time.monotonic()
    try:
        if (target / MANIFEST).is_file():
            manifest = read_manifest(target)
        else:
            manifest = export(chosen, target, precision)
    except PlatformError as error:
        typer.echo(error.message, err=True)
        sys.exit(1)
    took = time.monotonic() - began
    _say(f"{target} is ready in {took:.0f} s, mean cosine to torch {manifest.cosine:.4f}")
    typer.echo(target)


if __name__ == "__main__":
    typer.run(main)
