"""What the examples share: a knowledge base made of files, and answers shown with their sources."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import boto3
from rich.console import Console
from rich.panel import Panel

DATA = Path(__file__).parent / "data"
MODELS = "arn:aws:bedrock:us-east-1::foundation-model"
CLAUDE = f"{MODELS}/anthropic.claude-v2"
TITAN = f"{MODELS}/amazon.titan-embed-text-v1"
ROLE = "arn:aws:iam::000000000000:role/knowledge-base"  # AWS wants one; here the key decides

console = Console(highlight=False, width=110)
s3 = boto3.client("s3")
agent = boto3.client("bedrock-agent")
runtime = boto3.client("bedrock-agent-runtime")


@dataclass(frozen=True)
class Base:
    """A knowledge base with the one data source and bucket that it reads."""

    id: str
    source: str
    bucket: str

    @property
    def ids(self) -> dict[str, str]:
        return {"knowledgeBaseId": self.id, "dataSourceId": self.source}


@contextmanager
def knowledge_base(
    name: str, objects: Mapping[str, bytes], chunking: dict[str, Any] | None = None
) -> Iterator[Base]:
    """A synced knowledge base of these objects, by key; all of it is gone after the block."""
    bucket = f"{name}-{uuid4().hex[:8]}"
    s3.create_bucket(Bucket=bucket)
    for key, body in objects.items():
        s3.put_object(Bucket=bucket, Key=key, Body=body)
    base = None
    try:
        base = _create(bucket, chunking)
        sync(base)
        yield base
    finally:
        _remove(bucket, base)


def sync(base: Base) -> dict[str, int]:
    """Runs an ingestion job to its end, and gives its statistics."""
    started = time.monotonic()
    job = agent.start_ingestion_job(**base.ids)["ingestionJob"]
    with console.status("syncing ...") as line:
        while job["status"] in ("STARTING", "IN_PROGRESS"):
            time.sleep(0.2)
            job = agent.get_ingestion_job(**base.ids, ingestionJobId=job["ingestionJobId"])[
                "ingestionJob"
            ]
            line.update(f"syncing ... {_counts(job['statistics'])}")
    if job["status"] != "COMPLETE":
        raise RuntimeError(f"the sync is {job['status']}: {job.get('failureReasons')}")
    took = time.monotonic() - started
    console.print(f"[dim]synced in {took:.1f} s: {_counts(job['statistics'])}[/dim]")
    return dict(job["statistics"])


def show_answer(question: str, response: Mapping[str, Any]) -> None:
    """The answer with its sources, each told once."""
    cited = [one for part in response["citations"] for one in part["retrievedReferences"]]
    sources = dict.fromkeys(one["location"]["s3Location"]["uri"] for one in cited)
    lines = [response["output"]["text"], *(f"[dim]source: {uri}[/dim]" for uri in sources)]
    console.print(Panel("\n".join(lines), title=question, title_align="left"))


def _create(bucket: str, chunking: dict[str, Any] | None) -> Base:
    made = agent.create_knowledge_base(
        name=bucket,
        roleArn=ROLE,
        knowledgeBaseConfiguration={
            "type": "VECTOR",
            "vectorKnowledgeBaseConfiguration": {"embeddingModelArn": TITAN},
        },
    )["knowledgeBase"]
    source = agent.create_data_source(
        knowledgeBaseId=made["knowledgeBaseId"],
        name=bucket,
        dataSourceConfiguration={
            "type": "S3",
            "s3Configuration": {"bucketArn": f"arn:aws:s3:::{bucket}"},
        },
        vectorIngestionConfiguration={"chunkingConfiguration": chunking} if chunking else {},
    )["dataSource"]
    return Base(made["knowledgeBaseId"], source["dataSourceId"], bucket)


def _remove(bucket: str, base: Base | None) -> None:
    if base is not None:
        agent.delete_data_source(**base.ids)
        agent.delete_knowledge_base(knowledgeBaseId=base.id)
    for kept in s3.list_object_versions(Bucket=bucket).get("Versions", []):
        s3.delete_object(Bucket=bucket, Key=kept["Key"], VersionId=kept["VersionId"])
    for marker in s3.list_object_versions(Bucket=bucket).get("DeleteMarkers", []):
        s3.delete_object(Bucket=bucket, Key=marker["Key"], VersionId=marker["VersionId"])
    s3.delete_bucket(Bucket=bucket)


def _counts(statistics: Mapping[str, int]) -> str:
    """`{"numberOfNewDocumentsIndexed": 3}` as "3 new documents indexed"."""
    told = []
    for name, count in statistics.items():
        if count:
            words = "".join(f" {c.lower()}" if c.isupper() else c for c in name[len("numberOf") :])
            told.append(f"{count}{words}")
    return ", ".join(told) or "nothing there"
