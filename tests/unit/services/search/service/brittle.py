"""Breaks a world at a chosen border: before or after any one write to the rows or the index."""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

from kit.errors import Unavailable
from tests.unit.services.search.service.world import World


class Died(BaseException):
    """The process is gone: no handler of ordinary errors runs."""


class Brittle:
    """`dies`: everything stops there. Else one call fails, although it may have been done."""

    def __init__(self, world: World, *, dies: bool) -> None:
        self._world = world
        self._dies = dies
        self._at: int | None = None
        self._passed = 0
        self._is_dead = False

    @contextmanager
    def breaking(self, at: int) -> Iterator[None]:
        self._at, self._passed, self._is_dead = at, 0, False
        database, index = self._world.database, self._world.index
        calls = [(database, "write")]
        calls += [(index, name) for name in ("upsert", "delete", "scrub", "drop")]
        for owner, name in calls:
            setattr(owner, name, self._wrap(getattr(owner, name)))
        try:
            yield
        finally:
            self._at = None
            for owner, name in calls:
                delattr(owner, name)

    @property
    def has_broken(self) -> bool:
        return self._at is not None and self._passed > self._at

    def _wrap(self, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def around(*args: Any, **kwargs: Any) -> Any:
            self._border()
            done = await call(*args, **kwargs)
            self._border()
            return done

        return around

    def _border(self) -> None:
        if self._is_dead:
            raise Died
        here, self._passed = self._passed, self._passed + 1
        if here == self._at:
            self._is_dead = self._dies
            raise Died if self._dies else Unavailable("The database does not answer now.")
