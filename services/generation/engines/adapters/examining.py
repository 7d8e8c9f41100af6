"""The child process that compares admitted files with a base model, number by number."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.generation.engines.adapters.base_shapes import CannotTell, base_shapes
from services.generation.engines.adapters.config import read_config
from services.generation.engines.adapters.header import read_header
from services.generation.engines.adapters.modules import check_ranks, check_shapes, pairs_of
from services.generation.engines.adapters.unpacking import digest_of
from services.generation.engines.adapters.values import check_finite, effect
from services.generation.service.adapters.limits import CONFIG, WEIGHTS


def answer(ask: dict[str, Any]) -> dict[str, Any]:
    """`{"folder", "digest", "base": folder or None, "rank": of the pool or None}`.

    Answers `{"checks": [{name, outcome, detail}]}`, up to the first that failed. Raises ValueError
    only where the files are not those that were admitted.
    """
    folder = Path(ask["folder"])
    if digest_of(folder) != ask["digest"]:
        raise ValueError("the files on the disk are not those that were registered")
    config = read_config((folder / CONFIG).read_bytes())
    tensors = read_header(folder / WEIGHTS)
    pairs = pairs_of(tensors)

    def rank() -> str:
        check_ranks(pairs, config)
        if ask["rank"] is None:
            raise CannotTell("no server of the base model tells the largest rank that it takes")
        if config.largest_rank > ask["rank"]:
            raise ValueError(
                f"its rank is {config.largest_rank}, and the base model is served with adapters "
                f"up to rank {ask['rank']}"
            )
        return f"rank {config.largest_rank}"

    def shapes() -> str:
        if ask["base"] is None:
            raise CannotTell("the base model's weights are not on this machine")
        return check_shapes(pairs, base_shapes(Path(ask["base"])), config)

    def values() -> str:
        check_finite(folder / WEIGHTS, tensors)
        norm, changed = effect(folder / WEIGHTS, pairs, config)
        return f"adds a change of norm {norm:.4g} to {changed} modules"

    return {"checks": _run({"rank": rank, "shapes": shapes, "values": values})}


def _run(checks: dict[str, Callable[[], str]]) -> list[dict[str, str]]:
    done = []
    for name, check in checks.items():
        try:
            done.append({"name": name, "outcome": "passed", "detail": check()})
        except CannotTell as error:
            done.append({"name": name, "outcome": "skipped", "detail": str(error)})
        except ValueError as error:
            done.append({"name": name, "outcome": "failed", "detail": str(error)})
            break
    return done
