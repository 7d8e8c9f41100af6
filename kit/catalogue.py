"""The AI models that this platform knows: one YAML file each, found by id, alias or ARN."""

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import yaml
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, TypeAdapter, ValidationError

from kit.errors import Conflict, InvalidRequest, NotFound

DEFAULT_FOLDER = Path(__file__).resolve().parent.parent / "models"

Kind: TypeAlias = Literal["embedding", "text"]

_ARN = re.compile(
    r"arn:aws(?:-[a-z-]+)?:(?:bedrock|sagemaker):[a-z0-9-]*:(?:\d{12})?:"
    r"(?:foundation-model|inference-profile|application-inference-profile|custom-model|"
    r"custom-model-deployment|imported-model|provisioned-model|endpoint)/(?P<id>.+)"
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
    """Tokens that it reads, with those that it writes if it writes; None where nothing bounds it
    but the request's size. A vllm model has no more than its weights are made for and the cache of
    its servers holds."""
    dimension: Annotated[int, Field(ge=1)] | None = None
    """Components of a vector as the model makes it (embedding models)."""
    alias_dimensions: dict[str, list[int]] = {}
    """Dimensions that an alias promises its callers, the default first."""
    aliases: tuple[str, ...] = ()
    yields: bool = False
    """Whether another entry that claims the same alias takes it from this one."""
    stands_in_for: tuple[str, ...] = ()
    """Names of models that are not here, which it answers to until they are."""
    folder: Path | None = None
    """Where the weights of a vllm model are; None while they are not here."""
    replicas: tuple[str, ...] = ()
    """URLs, up to and with /v1, of vLLM servers that somebody else starts."""
    template: str | None = None
    """How a chat is written, by a name in models/templates, where its tokenizer does not say."""
    tool_parser: str | None = None
    """What vLLM reads the model's tool calls with (`--tool-call-parser`)."""
    gpus: Annotated[int, Field(ge=1)] = 1
    """Accelerators that one copy needs, where it runs on accelerators."""
    eula: str | None = None
    """The address of terms that must be accepted before the model is used."""
    input_price: Annotated[float, Field(ge=0)] | None = None
    """Per million tokens, in the platform's currency."""
    output_price: Annotated[float, Field(ge=0)] | None = None

    @property
    def is_here(self) -> bool:
        """Whether it can be served: a vllm model needs weights, or servers that have them."""
        return self.engine != "vllm" or self.folder is not None or bool(self.replicas)


class Catalogue:
    """Looks entries up; immutable, so that it can be shared.

    A name leads to the model that is here and has it; else to one that stands in for it; else to
    one that yields it; else to the model of that name that is not here.
    """

    def __init__(self, entries: Iterable[ModelEntry]) -> None:
        """Raises Conflict when two entries that do not yield claim one name."""
        self.entries = tuple(entries)
        self._owners: dict[str, ModelEntry] = {}
        for entry in self.entries:
            if not entry.yields:
                for name in (entry.id, *entry.aliases):
                    self._own(name, entry)
        yielded = {n: e for e in self.entries if e.yields for n in (e.id, *e.aliases)}
        stand_ins = {name: e for e in self.entries for name in e.stands_in_for}
        here = {name: e for name, e in self._owners.items() if e.is_here}
        self._by_name = {**self._owners, **yielded, **stand_ins, **here}

    def _own(self, name: str, entry: ModelEntry) -> None:
        holder = self._owners.setdefault(name, entry)
        if holder is not entry:
            raise Conflict(
                f"The models {holder.id} and {entry.id} both claim the name {name}; "
                "take it out of one of their files."
            )

    def find(self, reference: str, *, kind: Kind | None = None) -> ModelEntry:
        """The entry behind an id, an alias, or an ARN of Bedrock's models or inference profiles.

        Raises NotFound with the names that would do, or with how to bring a model that is not here.
        """
        name = model_id(reference)
        entry = self._by_name.get(name)
        if entry is None or (kind is not None and entry.kind != kind):
            fit = (e for e in self.entries if e.is_here and kind in (None, e.kind))
            known = ", ".join(sorted(e.id for e in fit))
            what = "model" if kind is None else f"{kind} model"
            raise NotFound(
                f"No {what} is served under the name {name!r}. Use one of: {known or 'none yet'}; "
                "or one of their aliases (`undercroft models list`, GET /v1/models); or give the "
                "name as an alias to an entry under models/.",
                param="modelId",
            )
        if not entry.is_here:
            raise NotFound(
                f"The model {name!r} is known and its weights are not here. Bring them with "
                f"`undercroft models pull {entry.id}`, then serve them with "
                f"`undercroft up --model {entry.id}=FOLDER`.",
                param="modelId",
            )
        return entry

    def knows(self, reference: str, *, kind: Kind | None = None) -> bool:
        """Whether it is the name of a model, be that here or not."""
        entry = self._by_name.get(model_id(reference))
        return entry is not None and kind in (None, entry.kind)

    def serves(self, reference: str, *, kind: Kind | None = None) -> bool:
        """Whether `find` finds it."""
        return self.knows(reference, kind=kind) and self._by_name[model_id(reference)].is_here

    def owner(self, reference: str) -> ModelEntry | None:
        """The entry whose own name it is, though another may answer to it meanwhile."""
        name = model_id(reference)
        return self._owners.get(name) or self._by_name.get(name)

    def aliases_of(self, entry: ModelEntry) -> list[str]:
        """The aliases that lead to this entry, without those that it yielded to another."""
        names = dict.fromkeys((*entry.aliases, *entry.stands_in_for))
        return [name for name in names if self._by_name[name] is entry]

    def with_served(self, model: str | None) -> "Catalogue":
        """With a model of an OpenAI-compatible server, which stands in for AWS's models."""
        if model is None:
            return self
        return self._with(
            ModelEntry(
                id=f"openai.{_slug(model)}",
                name=model,
                provider="openai-compatible server",
                kind="text",
                engine="openai",
                served_as=model,
                description=f"{model}, at an OpenAI-compatible server.",
                licence="the model's own",
                source="the server of GENERATION_OPENAI_BASE_URL",
                aliases=(model,),
            )
        )

    def with_folder(self, name: str, folder: Path) -> "Catalogue":
        """With a text model that vLLM serves from a folder, asked for by `name` in every dialect.

        A name of the catalogue gives that model its weights. The first model that comes this way
        stands in for AWS's models that are not here. Raises Conflict for a name that a model here
        already has, InvalidRequest for a folder without a usable config.json.
        """
        context = _context_of(folder)
        known = self._owners.get(name)
        if known is None:
            entry = _new(name, f"{name}, from a folder of this machine.")
            return self._with(entry.model_copy(update={"folder": folder, "context": context}))
        if known.is_here:
            raise Conflict(f"The name {name} already belongs to the model {known.id}.")
        bound = min(known.context or context, context)
        return self._with(known.model_copy(update={"folder": folder, "context": bound}))

    def with_replicas(self, name: str, urls: tuple[str, ...]) -> "Catalogue":
        """As `with_folder`, of vLLM servers that the operator starts and that know it by `name`."""
        known = self._owners.get(name) or _new(name, f"{name}, at vLLM servers of the operator's.")
        if known.is_here:
            raise Conflict(f"The name {name} already belongs to the model {known.id}.")
        where = tuple(url.rstrip("/") for url in urls)
        return self._with(known.model_copy(update={"replicas": where, "served_as": name}))

    def _with(self, entry: ModelEntry) -> "Catalogue":
        others = [other for other in self.entries if other.id != entry.id]
        if not any(other.stands_in_for for other in others):
            held = [name for other in others if other.yields for name in other.aliases]
            aws = tuple(name for name in held if "." in name)  # without the yielding model's own
            entry = entry.model_copy(update={"stands_in_for": aws})
        return Catalogue((*others, entry))


def _new(name: str, description: str) -> ModelEntry:
    """A model that no file describes; its weights are not here yet."""
    maker, _, rest = name.rpartition("/")
    return ModelEntry(
        id=f"{_slug(maker) or 'local'}.{_slug(rest)}",
        name=name,
        provider=maker or "local",
        kind="text",
        engine="vllm",
        description=description,
        licence="the model's own",
        source=name,
        aliases=(name,),
    )


def _context_of(folder: Path) -> int:
    path = folder / "config.json"
    try:
        config = json.loads(path.read_bytes())
        found = config.get("text_config", config)["max_position_embeddings"]
        return TypeAdapter(PositiveInt).validate_python(found)
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise InvalidRequest(
            f"{folder} is not a model's folder: its config.json does not tell "
            f"max_position_embeddings ({type(error).__name__}: {error})."
        ) from error


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9-]+", "-", text.lower()).strip("-")


def model_id(reference: str) -> str:
    """The bare model id within an ARN, and without an inference profile's region prefix."""
    match = _ARN.fullmatch(reference)
    name = match["id"] if match else reference
    return _PROFILE.sub("", name, count=1)


def load(folder: Path = DEFAULT_FOLDER) -> Catalogue:
    """Reads every `*.yaml` of the folder; raises InvalidRequest that names the file at fault.

    A folder that is absent is a fault too: without a model nothing would be served, and in silence.
    """
    if not folder.is_dir():
        raise InvalidRequest(
            f"There is no folder of model files at {folder}. It comes with the source, which "
            "`pip install --editable .` runs from; else name one: a process by GATEWAY_MODELS, "
            "SEARCH_MODELS, GENERATION_MODELS or WORKER_MODELS, `undercroft models` by --models."
        )
    return Catalogue(_read(path) for path in sorted(folder.glob("*.yaml")))


def _read(path: Path) -> ModelEntry:
    try:
        return ModelEntry.model_validate(yaml.safe_load(path.read_text(encoding="utf-8")))
    except (yaml.YAMLError, ValidationError) as error:
        raise InvalidRequest(f"The model file {path.name} cannot be used: {error}") from error
