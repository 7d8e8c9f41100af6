"""What a process tells Prometheus: requests, tokens and jobs, by kind and never by tenant."""

from prometheus_client import Counter, Gauge, Histogram

_SECONDS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)

REQUESTS = Counter(
    "undercroft_requests", "Requests that ended, by door and HTTP status.", ["door", "status"]
)
REQUEST_SECONDS = Histogram(
    "undercroft_request_seconds",
    "From a request's head to the end of its answer.",
    ["door"],
    buckets=_SECONDS,
)
OPERATIONS = Counter(
    "undercroft_operations",
    "Operations of callers with a good credential; the outcome is ok or the error's code.",
    ["operation", "outcome"],
)
TOKENS = Counter("undercroft_tokens", "Tokens that models read and wrote.", ["model", "direction"])
JOB_ATTEMPTS = Counter(
    "undercroft_job_attempts",
    "Attempts at jobs by how they ended; a lost one was fenced off.",
    ["kind", "outcome"],
)
JOB_RERUNS = Counter(
    "undercroft_job_reruns", "Attempts at jobs that had been claimed before.", ["kind"]
)
JOBS_TAKEN_BACK = Counter(
    "undercroft_jobs_taken_back", "Running jobs that were taken from a worker that fell silent."
)
JOBS_DEAD = Counter("undercroft_jobs_dead", "Jobs that crashed too often and are not run again.")

# The names of OpenTelemetry's conventions for generative AI, in the form that Prometheus has them.
_GENERATION = ["gen_ai_operation_name", "gen_ai_provider_name", "gen_ai_request_model"]
_TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 1, 2.5)
_TOKEN_COUNTS = (1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576)

GENERATION_SECONDS = Histogram(
    "gen_ai_server_request_duration_seconds",
    "From a request to the end of its answer; error_type is empty or the error's code.",
    [*_GENERATION, "error_type"],
    buckets=_SECONDS,
)
FIRST_TOKEN_SECONDS = Histogram(
    "gen_ai_server_time_to_first_token_seconds",
    "From a request to the first part of its stream.",
    _GENERATION,
    buckets=_SECONDS,
)
TOKEN_SECONDS = Histogram(
    "gen_ai_server_time_per_output_token_seconds",
    "Between the tokens of a stream, after the first one.",
    _GENERATION,
    buckets=_TOKEN_SECONDS,
)
TOKEN_USAGE = Histogram(
    "gen_ai_client_token_usage",
    "Tokens of a request, by gen_ai_token_type: input or output.",
    [*_GENERATION, "gen_ai_token_type"],
    buckets=_TOKEN_COUNTS,
)
ADAPTER_TOKENS = Counter(
    "undercroft_adapter_tokens",
    "Tokens with an adapter, by the start of its digest; `other` past the first hundred.",
    ["adapter", "direction"],
)
OUTSTANDING = Gauge("undercroft_routing_outstanding", "Requests that run, by model.", ["model"])
QUEUED = Gauge("undercroft_routing_queued", "Requests that wait for a replica.", ["model"])
RESIDENT = Gauge(
    "undercroft_routing_resident_adapters", "Adapters that replicas have, added up.", ["model"]
)
OPEN_BREAKERS = Gauge(
    "undercroft_routing_open_breakers", "Replicas that get no requests for failing.", ["model"]
)
ROUTING_REFUSALS = Counter(
    "undercroft_routing_refusals", "Requests that were not let in, by the error's code.", ["code"]
)
ADAPTER_LOADS = Counter(
    "undercroft_routing_adapter_loads", "Loads of adapters onto replicas.", ["outcome"]
)
RETRIES = Counter(
    "undercroft_routing_retries", "Requests that were tried again before their first byte."
)
