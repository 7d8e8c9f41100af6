"""What a process tells Prometheus: requests, tokens and jobs, by kind and never by tenant."""

from prometheus_client import Counter, Histogram

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
