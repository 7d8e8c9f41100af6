"""How often lines were tried in vain, over all turns of their batch."""

from kit.jobs.ports import JsonObject
from workers.batch.wire import Line


class Tries:
    """Kept with the job: a line that breaks its engine would else be new to each turn."""

    def __init__(self, checkpoint: JsonObject) -> None:
        self._counts: dict[str, int] = dict(checkpoint.get("tries", {}))
        self._broke: int = checkpoint.get("broke", 0)
        self._is_saved = True

    def of(self, line: Line) -> int:
        return self._counts.get(_name(line), 0)

    def count(self, line: Line) -> int:
        """One more; how many there are now."""
        self._is_saved = False
        self._counts[_name(line)] = tries = self.of(line) + 1
        return tries

    def broke(self) -> int:
        """One more line has failed because its engine broke each time; how many have."""
        self._is_saved = False
        self._broke += 1
        return self._broke

    def forget(self, line: Line) -> None:
        """It has its answer."""
        if self._counts.pop(_name(line), None) is not None:
            self._is_saved = False

    def unsaved(self) -> JsonObject | None:
        """A checkpoint to save, where it is not what it was the last time."""
        if self._is_saved:
            return None
        self._is_saved = True
        return {"tries": dict(self._counts), "broke": self._broke}


def _name(line: Line) -> str:
    return f"{line.source}:{line.number}"
