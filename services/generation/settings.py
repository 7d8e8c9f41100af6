"""The generation service's settings, from `GENERATION_*`."""

from pathlib import Path
from typing import Annotated, Literal, TypeAlias

from pydantic import BeforeValidator, Field, HttpUrl, SecretStr
from pydantic_settings import SettingsConfigDict

from kit.catalogue import DEFAULT_FOLDER
from kit.settings import ObjectsSettings, PlatformSettings, ServerSettings

_BESIDE = Path(__file__).resolve().parents[2] / ".venv-vllm"

Rank: TypeAlias = Literal[1, 8, 16, 32, 64, 128, 256, 320, 512]
"""What vLLM takes as the largest rank."""


class VllmSettings(PlatformSettings):
    """How vLLM servers are started, or what those that somebody else starts were given."""

    serve: dict[str, Path] = Field(default_factory=dict)
    """Models by name, each with the folder of its weights; the name works in every dialect."""
    replicas: dict[str, tuple[HttpUrl, ...]] = Field(default_factory=dict)
    """Models by name, each with the URLs, up to and with /v1, of servers that run already."""
    replicas_key: SecretStr | None = None
    """What those servers take as a bearer token."""
    folder: Path = Path(".undercroft/generation")
    """Logs and caches of the servers that are started here, and the adapters that they read."""
    vllm_python: Path = _BESIDE / "bin" / "python"
    """The interpreter of the environment that vLLM is installed in."""
    vllm_device: Literal["auto", "cpu", "cuda"] = "auto"
    """Auto takes accelerators where there are some, unless that environment's build is for CPUs."""
    vllm_dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Auto leaves it to vLLM on accelerators, and keeps the weights as stored on CPUs."""
    vllm_cores: Annotated[int, Field(ge=1)] | None = None
    """Cores for each copy alone; without it, copies share all but one."""
    vllm_cache_gib: Annotated[int, Field(ge=1)] = 4
    """Memory of each copy for the tokens that it has read, on CPUs."""
    vllm_gpu_share: Annotated[float, Field(gt=0, le=1)] = 0.9
    """Of an accelerator's memory, for weights and that cache together."""
    vllm_max_model_len: Annotated[int, Field(ge=1)] | None = None
    """Tokens of input and output together. If not given, the model's own, or what its cache holds;
    if given, a model whose cache does not hold as many does not start."""
    vllm_max_num_seqs: Annotated[int, Field(ge=1)] = 64
    """Requests that one copy runs at once."""
    vllm_max_loras: Annotated[int, Field(ge=0)] = 8
    """Distinct adapters in one batch; 0 serves base models only."""
    vllm_max_cpu_loras: Annotated[int, Field(ge=1)] = 64
    """Adapters that one copy keeps in memory."""
    vllm_max_lora_rank: Annotated[Rank, BeforeValidator(int)] = 64
    """The largest rank; every adapter takes the room of this one."""
    vllm_start_seconds: Annotated[float, Field(gt=0)] = 1800.0
    """How long a copy may take to answer; large models load for minutes."""
    vllm_drain: Annotated[int, Field(ge=0)] = 10
    """Seconds that requests under way may take to end when a copy is stopped."""


class GenerationSettings(VllmSettings):
    """Without `openai_base_url` and without models to serve, the extractive answerer serves."""

    model_config = SettingsConfigDict(env_prefix="GENERATION_")

    models: Path = DEFAULT_FOLDER
    """The folder of model files."""
    openai_base_url: HttpUrl | None = None
    """Any OpenAI-compatible server, up to and with its version: http://127.0.0.1:8001/v1."""
    openai_api_key: SecretStr | None = None
    openai_model: str | None = None
    """The server's name of the model that takes over the AWS names of the extractive answerer."""
    openai_attempts: Annotated[int, Field(ge=1, le=10)] = 3
    """Tries of one request; a later one is made only while no byte of an answer has come."""
    openai_concurrency: Annotated[int, Field(ge=1)] = 256
    connect_seconds: Annotated[float, Field(gt=0)] = 5.0
    """To reach a model server: vLLM's, or any other."""
    silence_seconds: Annotated[float, Field(gt=0)] = 120.0
    """For a stream of a model server to begin, and between its parts."""
    request_seconds: Annotated[float, Field(gt=0, le=3600)] = 3600.0
    """For one request, from its arrival to the end of its answer; other processes wait that long
    for an answer, and a little longer."""
    routing_queue: Annotated[int, Field(ge=1)] = 1024
    """Requests that wait for one model; more are refused with 503."""
    routing_tenant_queue: Annotated[int, Field(ge=1)] = 256
    """Those of one tenant; more are refused with 429."""
    routing_patience: Annotated[float, Field(gt=0)] = 30.0
    """Seconds for which a request may wait; it is refused at once where it would be longer."""
    adapter_folders: tuple[Path, ...] = ()
    """Folders whose children every tenant may register as adapters, by name."""
    adapters_from_hub: bool = False
    """Whether adapters may come from the Hugging Face hub."""
    adapter_quota: Annotated[int, Field(ge=0)] = 200
    """Adapters that a tenant may keep, unless it has a quota of its own."""
    adapter_quota_bytes: Annotated[int, Field(ge=0)] = 50 << 30
    adapter_pins: Annotated[int, Field(ge=0)] = 2
    """Adapters that a tenant may keep loaded on every server of their base."""
    admit_unchecked_adapters: bool = True
    """Whether an adapter passes when a check cannot be made here; its record says which was not."""

    @property
    def pinned_of_base(self) -> int:
        """The adapters of all tenants that may stay loaded: half of the places of a server."""
        return self.vllm_max_cpu_loras // 2


class GenerationProcessSettings(GenerationSettings, ObjectsSettings, ServerSettings):
    """Of the generation service as a process of its own."""

    model_config = SettingsConfigDict(env_prefix="GENERATION_")

    database_url: SecretStr
    """SQLAlchemy's form: `postgresql+psycopg://user:password@host/database`."""
    broker_url: SecretStr | None = None
    """Where workers are woken; without it they look for themselves, every second."""
    audit_heads: Path = Path("/audit/heads")
    """The signed ends of the audit chains; on another volume than the database's."""
