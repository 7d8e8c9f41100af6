"""Whether a folder holds a text model that can be served: its config, weights and tokenizer."""

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

_LENGTH = struct.Struct("<Q")
_HEADER_LIMIT = 100 << 20  # what the format's own library refuses beyond
_PICKLES = (".bin", ".pt", ".pth", ".pkl", ".ckpt")


@dataclass(frozen=True, slots=True)
class Checked:
    """`problems` keep it from being served; `remarks` do not."""

    architecture: str
    context: int | None
    parameters: int
    size: int
    problems: tuple[str, ...]
    remarks: tuple[str, ...]


def check(folder: Path, *, context: int | None = None) -> Checked:
    """Reads headers only, so that also a large model takes no time.

    `context` is what the catalogue promises for it.
    """
    problems: list[str] = []
    config = _config(folder, problems)
    text = config.get("text_config", config)
    found = text.get("max_position_embeddings")
    if not isinstance(found, int) or found < 1:
        problems.append("config.json does not tell max_position_embeddings")
        found = None
    elif context is not None and found < context:
        problems.append(f"it reads {found} tokens, and the catalogue promises {context}")
    parameters = sum(_weights(folder, problems))
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model")):
        problems.append("there is no tokenizer.json and no tokenizer.model")
    architectures = config.get("architectures") or ["unknown"]
    return Checked(
        str(architectures[0]),
        found,
        parameters,
        sum(path.stat().st_size for path in folder.glob("*.safetensors")),
        tuple(problems),
        tuple(_remarks(folder, config)),
    )


def has_chat_template(folder: Path) -> bool:
    """Whether its tokenizer says how a chat is written."""
    if (folder / "chat_template.jinja").is_file() or (folder / "chat_template.json").is_file():
        return True
    return bool(_json(folder / "tokenizer_config.json").get("chat_template"))


def _config(folder: Path, problems: list[str]) -> dict[str, Any]:
    config = _json(folder / "config.json")
    if not config:
        problems.append("config.json is missing or is not a JSON object")
    if "auto_map" in config and not config.get("model_type"):
        problems.append(
            "config.json says only by code of its own (auto_map) what it is, and that is never run"
        )
    return config


def _json(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return value if isinstance(value, dict) else {}


def _weights(folder: Path, problems: list[str]) -> Iterator[int]:
    """The parameters of each file, and what is wrong with it."""
    files = {path.name: path for path in sorted(folder.glob("*.safetensors"))}
    if not files:
        problems.append("there are no weights as safetensors; pickled ones are never loaded")
    index = _json(folder / "model.safetensors.index.json").get("weight_map", {})
    problems += [f"{name} is missing" for name in sorted(set(index.values()) - set(files))]
    for name, path in files.items():
        try:
            yield _parameters(path)
        except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
            problems.append(f"{name} is not safetensors or is cut off: {error}")


def _parameters(path: Path) -> int:
    size = path.stat().st_size
    with path.open("rb") as stream:
        (length,) = _LENGTH.unpack(stream.read(_LENGTH.size))
        if length > min(_HEADER_LIMIT, size):
            raise ValueError(f"its header would be {length} bytes long")
        header = json.loads(stream.read(length))
    header.pop("__metadata__", None)
    end = max((tensor["data_offsets"][1] for tensor in header.values()), default=0)
    if _LENGTH.size + length + end != size:
        raise ValueError(f"it has {size} bytes and should have {_LENGTH.size + length + end}")
    return sum(prod(tensor["shape"]) for tensor in header.values())


def _remarks(folder: Path, config: dict[str, Any]) -> Iterator[str]:
    if not has_chat_template(folder):
        yield "its tokenizer has no chat template: chats need `template` in its model file"
    if "auto_map" in config and (kind := config.get("model_type")):
        yield (
            f"code lies beside it (auto_map) and is never run: it starts if vLLM knows {kind!r} "
            "by itself"
        )
    if not list(folder.glob("LICENSE*")) and "license" not in config:
        yield "no licence lies beside it"
    if unused := sorted(p.name for p in folder.iterdir() if p.suffix in _PICKLES):
        yield f"pickles lie beside it and are never loaded: {', '.join(unused)}"
