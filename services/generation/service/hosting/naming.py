"""What a container's settings mean: which base model it runs, and how it writes its answers."""

import re
from collections.abc import Mapping

from contracts.generation.hosting import Container
from contracts.generation.invocations import Form
from kit.catalogue import Catalogue, ModelEntry
from kit.errors import InvalidRequest, NotFound

_VARIABLES = ("OPTION_MODEL_ID", "HF_MODEL_ID", "MODEL_ID")
_INSIDE = "/opt/ml/model"
"""Where containers find their artifact: as a model's name it means what lies there."""
_TGI_IMAGE = re.compile(r"(?:huggingface|hf)[\w-]*tgi|text-generation-inference|[/-]tgi[:/-]", re.I)
_FORMS: Mapping[str, Form] = {
    "lmi": "lmi",
    "lmi-sse": "lmi-sse",
    "lmi-vllm": "lmi-vllm",
    "tgi": "tgi",
}
JUMPSTART_TAG = "sagemaker-sdk:jumpstart-model-id"


def properties_of(text: str) -> dict[str, str]:
    """Of a `serving.properties`: each `option.x` as the variable OPTION_X that says the same."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        name, separator, value = line.partition("=")
        if separator and not name.lstrip().startswith(("#", "!")):
            found[name.strip().upper().replace(".", "_")] = value.strip()
    return found


def base_name(container: Container, settings: Mapping[str, str], tags: Mapping[str, str]) -> str:
    """The name of the base model, as the deployer knows it.

    `settings` are the environment and the properties of the artifact together. Raises
    InvalidRequest where nothing names one.
    """
    for variable in _VARIABLES:
        if name := _named(settings, variable):
            return name
    if JUMPSTART_TAG in tags:
        return tags[JUMPSTART_TAG]
    raise InvalidRequest(
        "Nothing names the base model: set OPTION_MODEL_ID (or HF_MODEL_ID) in the container's "
        "Environment, or option.model_id in the serving.properties of its archive."
    )


def base_model(catalogue: Catalogue, name: str, artifact: str) -> ModelEntry:
    """The catalogue's entry; a path of JumpStart's cache is tried part by part.

    Raises NotFound that says what to do.
    """
    for candidate in (name, *(part for part in reversed(artifact.split("/")) if part)):
        try:
            return catalogue.find(candidate, kind="text")
        except NotFound:
            continue
    return catalogue.find(name, kind="text")


def form_of(container: Container, settings: Mapping[str, str]) -> Form:
    """UNDERCROFT_STREAM_FORM decides, then the options of LMI, then the image's name.

    Raises InvalidRequest for a form that there is not.
    """
    if chosen := settings.get("UNDERCROFT_STREAM_FORM"):
        if chosen not in _FORMS:
            raise InvalidRequest(
                f"UNDERCROFT_STREAM_FORM is one of {', '.join(_FORMS)}; it is {chosen!r}."
            )
        return _FORMS[chosen]
    if settings.get("OPTION_TGI_COMPAT", "").lower() in ("true", "1"):
        return "tgi"
    if settings.get("OPTION_OUTPUT_FORMATTER") == "sse":
        return "lmi-sse"
    if settings.get("OPTION_ASYNC_MODE", "").lower() in ("true", "1"):
        return "lmi-vllm"
    return "tgi" if _TGI_IMAGE.search(container.image) else "lmi"


def needs_terms(name: str, entry: ModelEntry) -> bool:
    """JumpStart's ids ask for acceptance; who names a hub's repository accepted them there."""
    return entry.eula is not None and "/" not in name


def _named(settings: Mapping[str, str], variable: str) -> str:
    name = settings.get(variable, "")
    return "" if name.startswith(_INSIDE) else name
