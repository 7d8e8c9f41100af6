"""Which adapters an invocation asks for: beside its body, in it, or as the name of its model."""

from contracts.generation.invocations import Target
from dialects.body import Json, malformed
from dialects.sagemaker.said import Said
from kit.errors import InvalidRequest

_LONGEST = 256
_ANY = ("", "lmi", "tgi")
"""What clients of the containers write where one model is served, for they must write something."""


def adapters_of(target: Target, said: Said, body: Json, count: int) -> list[str]:
    """One for each input: by header, else by `adapters`, else as `adapter_of` says."""
    given = body.get("adapters")
    if said.adapter is not None or given is None:
        return [adapter_of(target, said, body.get("model"))] * count
    names = [given] if isinstance(given, str) else given
    if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
        raise malformed("[adapters] must be a string or a list of strings", "adapters")
    if any(len(one) > _LONGEST for one in names):
        raise malformed(f"[adapters] must have {_LONGEST} characters at most", "adapters")
    if isinstance(given, str):
        return names * count
    if len(names) != count:
        raise InvalidRequest(
            f"Number of adapters ({len(names)}) is not equal to the number of inputs ({count}).",
            param="adapters",
        )
    return names


def adapter_of(target: Target, said: Said, model: object) -> str:
    """A model's name that is none of the target's own is one of its adapters.

    Without such a name it is the one that the inference component is, or none.
    """
    if said.adapter is not None:
        return said.adapter
    name = "" if model is None else model
    if not isinstance(name, str) or len(name) > _LONGEST:
        raise malformed(f"[model] must be a string of {_LONGEST} characters at most", "model")
    is_own = name in (*_ANY, target.model, target.component, *target.names)
    return target.adapter if is_own else name
