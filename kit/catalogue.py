"""The AI models that this platform knows: one YAML file each, found by id, alias or ARN."""

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kit.errors import Conflict, InvalidRequest, NotFound

DEFAULT_FOLDER = Path(__file__).resolve().parent.parent / "models"

Kind: TypeAlias = Literal["embedding", "text"]

_ARN = re.compile(
    r"arn:aws(?:-[a-z-]+)?:bedrock:[a-z0-9-]*:(?:\d{12})?:"
    r"(?:foundation-model|inference-profile)/(?P<id>.+)"
)
_PROFILE = re.compile(r"(?:us|eu|apac|us-gov|global|jp|au|ca)\.(?=[a-z0-9-]+\.)")


class ModelEntry(BaseModel):
    """One model: who serves it, and under which names it may be asked for."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,63}\.[a-z0-9.:-]{1,126}$")]
    name: str
    provider: str
    kind: Kind
    engine: str
    description: str
    licence: str
    source: str
    served_as: str | None = None
    """The model's name at its engine, where that differs from `id`."""
    context: Annotated[int, Field(ge=1)] | None = None
    """Tokens of input that it reads; None where nothing bounds it but the request's size."""
    dimension: Annotated[int, Field(ge=1)] | None = None
    """Components of a vector as the model makes it (embedding models)."""
    alias_dimensions: dict[str, list[int]] = {}
    """Dimensions that an alias promises its callers, the default first."""
    aliases: tuple[str, ...] = ()
    yields: bool = False
    """Whether another entry that claims the same alias takes it from this one."""


class Catalogue:
    """Looks entries up; immutable, so that it can be shared."""

    def __init__(self, entries: Iterable[ModelEntry]) -> None:
        """Raises Conflict when two entries that do not yield claim one name."""
        self.entries = tuple(entries)
        self._by_name: dict[str, ModelEntry] = {}
        # Entries that yield come first, so that the others may overwrite their names.
        for entry in sorted(self.entries, key=lambda entry: not entry.yields):
            for name in (entry.id, *entry.aliases):
                self._claim(name, entry)

    def _claim(self, name: str, entry: ModelEntry) -> None:
        holder = self._by_name.get(name)
        if holder is not None and holder is not entry and not holder.yields:
            raise Conflict(
                f"The models {holder.id} and {entry.id} both claim the name {name}; "
                "take it out of one of their files."
            )
        self._by_name[name] = entry

    def find(self, reference: str, *, kind: Kind | None = None) -> ModelEntry:
        """The entry behind an id, an alias, or a foundation-model or inference-profile ARN.

        Raises NotFound with the names that would do.
        """
        name = model_id(reference)
        entry = self._by_name.get(name)
        if entry is None or (kind is not None and entry.kind != kind):
            known = ", ".join(sorted(e.id for e in self.entries if kind in (None, e.kind)))
            what = "model" if kind is None else f"{kind} model"
            raise NotFound(
                f"No {what} is served under the name {name!r}. Use one of: {known or 'none yet'}; "
                "or one of their aliases (`undercroft models list`, GET /v1/models); or give the "
                "name as an alias to an entry under models/.",
                param="modelId",
            )
        return entry

    def aliases_of(self, entry: ModelEntry) -> list[str]:
        """The aliases that lead to this entry, without those that it yielded to another."""
        return [alias for alias in entry.aliases if self._by_name[alias] is entry]

    def with_served(self, model: str | None) -> "Catalogue":
        """With a model of an OpenAI-compatible server, which takes the names that others yield."""
        if model is None:
            return self
        yielded = {alias for entry in self.entries if entry.yields for alias in entry.aliases}
        own = {alias for alias in yielded if "." not in alias}  # names of the yielding models
        slug = re.sub(r"[^a-z0-9-]+", "-", model.lower()).strip("-")
        entry = ModelEntry(
            id=f"openai.{slug}",
            name=model,
            provider="openai-compatible server",
            kind="text",
            engine="openai",
            served_as=model,
            description=f"{model}, at an OpenAI-compatible server.",
            licence="the model's own",
            source="the server of GENERATION_OPENAI_BASE_URL",
            aliases=tuple(sorted((yielded - own) | {model})),
        )
        return Catalogue((*self.entries, entry))


def model_id(reference: str) -> str:
    """The bare model id within an ARN, and without an inference profile's region prefix."""
    match = _ARN.fullmatch(reference)
    name = match["id"] if match else reference
    return _PROFILE.sub("", name, count=1)


def load(folder: Path = DEFAULT_FOLDER) -> Catalogue:
    """Reads every `*.yaml` of the folder; raises InvalidRequest that names the file at fault."""
    return Catalogue(_read(path) for path in sorted(folder.glob("*.yaml")))


def _read(path: Path) -> ModelEntry:
    try:
        return ModelEntry.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise InvalidRequest(f"The model file {path.name} cannot be used: {error}") from error
