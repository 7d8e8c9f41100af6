"""Which members of an archive are an adapter's, by their names alone."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from services.generation.service.adapters.limits import CONFIG, MOST_ADAPTERS, PICKLES, WEIGHTS

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_TRAINERS_OWN = re.compile(
    r"(training_args\.bin|optimizer\.pt|scheduler\.pt|rng_state(_\d+)?\.pth)"
)
_ODD = re.compile(r"[\x00-\x1f\x7f\\:\ud800-\udfff\u202a-\u202e\u2066-\u2069]")
_MOST_NAME, _MOST_PART, _MOST_DEPTH = 1000, 200, 16


def check_name(name: str) -> PurePosixPath:
    """Raises ValueError for every name that does not stay below the archive's own top."""
    if not name or len(name) > _MOST_NAME:
        raise ValueError(f"a member's name has {len(name)} characters; 1 to {_MOST_NAME} are read")
    if _ODD.search(name):
        raise ValueError(f"the member {ascii(name)[:200]} has a character that a name may not have")
    if name.startswith("/"):
        raise ValueError(f"the member {name[:200]!r} has an absolute path")
    path = PurePosixPath(name)
    if ".." in path.parts:
        raise ValueError(f"the member {name[:200]!r} leaves the archive with '..'")
    if len(path.parts) > _MOST_DEPTH or any(len(part) > _MOST_PART for part in path.parts):
        raise ValueError(f"the member {name[:200]!r} lies too deep, or a part of it is too long")
    return path


def refuse_pickle(path: PurePosixPath) -> None:
    """Raises ValueError that says what to do; what a trainer leaves beside weights is let be."""
    if path.suffix.lower() in PICKLES and not _TRAINERS_OWN.fullmatch(path.name):
        raise ValueError(
            f"{path} is a pickle, which can run code when it is read: convert the weights to "
            f"{WEIGHTS} (PEFT's save_pretrained writes it; safetensors.torch.save_file converts "
            "what torch.load gives) and leave the pickle out"
        )


def adapters_of(paths: Iterable[PurePosixPath]) -> dict[str, PurePosixPath]:
    """The folders that hold an adapter, by the name of the folder; the top is named `adapter`.

    Raises ValueError where there is none, one lacks a file, or two share a name.
    """
    seen = set(paths)
    folders = sorted({path.parent for path in seen if path.name in (CONFIG, WEIGHTS)})
    if not folders:
        raise ValueError(f"there is no {CONFIG} with {WEIGHTS} beside it")
    if len(folders) > MOST_ADAPTERS:
        raise ValueError(f"there are {len(folders)} adapters; at most {MOST_ADAPTERS} are read")
    named: dict[str, PurePosixPath] = {}
    for folder in folders:
        for file in (CONFIG, WEIGHTS):
            if folder / file not in seen:
                raise ValueError(f"{folder / file} is missing")
        name = folder.name or "adapter"
        if not _NAME.fullmatch(name):
            raise ValueError(
                f"the folder {name[:100]!r} is no name for an adapter: use letters, digits, "
                "'.', '_' and '-', 63 at most"
            )
        if name in named:
            raise ValueError(f"two adapters are called {name}: {named[name]} and {folder}")
        named[name] = folder
    return named
