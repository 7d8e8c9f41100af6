"""A knowledge base of generated documents, made through boto3 as a user makes one."""

import json
import random
import time
from typing import Any

import boto3
from botocore.config import Config

from benchmarks.support.platform import Running

MODEL = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v1"
ROLE = "arn:aws:iam::000000000000:role/bench"
BUCKET = "bench-reports"
CHUNKS = 20
"""Paragraphs of a document, each a chunk of its own."""
_SEED = 3
_PATIENCE = 900.0
_WHO = ("The council", "A surveyor", "The harbour office", "Every keeper", "The new engineer")
_DID = ("repaired", "measured", "closed", "painted", "sold", "flooded", "opened", "counted")
_WHAT = (
    "the bridge",
    "the north mill",
    "a lighthouse",
    "the old canal",
    "the market hall",
    "a dam",
)
_WHEN = ("in spring", "after the storm", "before the fair", "last winter", "within a week")


def client(running: Running, service: str) -> Any:
    """Each call is made once, as it is measured."""
    env = running.variables
    return boto3.client(
        service,
        endpoint_url=env["AWS_ENDPOINT_URL"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=env["AWS_DEFAULT_REGION"],
        config=Config(retries={"total_max_attempts": 1}, read_timeout=600),
    )


def fill(running: Running, documents: int) -> str:
    """The id of a knowledge base with `CHUNKS` chunks of each document."""
    s3, agent = client(running, "s3"), client(running, "bedrock-agent")
    s3.create_bucket(Bucket=BUCKET)
    pick = random.Random(_SEED)
    for number in range(documents):
        s3.put_object(Bucket=BUCKET, Key=f"{number}.txt", Body=_report(pick, number))
        sidecar = {"metadataAttributes": {"year": 1990 + number % 30, "town": f"town {number % 7}"}}
        key = f"{number}.txt.metadata.json"
        s3.put_object(Bucket=BUCKET, Key=key, Body=json.dumps(sidecar))
    base, source = _base(agent)
    job = agent.start_ingestion_job(knowledgeBaseId=base, dataSourceId=source)["ingestionJob"]
    _until_done(agent, base, source, job["ingestionJobId"])
    return base


def retrieve(running: Running, base: str, text: str) -> list[dict[str, Any]]:
    """The passages, through a client of its own."""
    runtime = client(running, "bedrock-agent-runtime")
    answer = runtime.retrieve(knowledgeBaseId=base, retrievalQuery={"text": text})
    results: list[dict[str, Any]] = answer["retrievalResults"]
    return results


def sentence(pick: random.Random) -> str:
    """A question is as much like a passage as a real one."""
    return f"{pick.choice(_WHO)} {pick.choice(_DID)} {pick.choice(_WHAT)} {pick.choice(_WHEN)}."


def _report(pick: random.Random, number: int) -> str:
    paragraphs = []
    for part in range(CHUNKS):
        said = " ".join(sentence(pick) for _ in range(5))
        paragraphs.append(f"Report {number}, part {part}. {said}")
    return "\n\n".join(paragraphs)


def _base(agent: Any) -> tuple[str, str]:
    base = agent.create_knowledge_base(
        name="bench",
        roleArn=ROLE,
        knowledgeBaseConfiguration={
            "type": "VECTOR",
            "vectorKnowledgeBaseConfiguration": {"embeddingModelArn": MODEL},
        },
    )["knowledgeBase"]["knowledgeBaseId"]
    fixed = {"maxTokens": 60, "overlapPercentage": 1}
    source = agent.create_data_source(
        knowledgeBaseId=base,
        name="reports",
        dataSourceConfiguration={
            "type": "S3",
            "s3Configuration": {"bucketArn": f"arn:aws:s3:::{BUCKET}"},
        },
        vectorIngestionConfiguration={
            "chunkingConfiguration": {
                "chunkingStrategy": "FIXED_SIZE",
                "fixedSizeChunkingConfiguration": fixed,
            }
        },
    )["dataSource"]["dataSourceId"]
    return base, source


def _until_done(agent: Any, base: str, source: str, job: str) -> None:
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        found = agent.get_ingestion_job(
            knowledgeBaseId=base, dataSourceId=source, ingestionJobId=job
        )["ingestionJob"]
        if found["status"] == "COMPLETE":
            return
        if found["status"] in ("FAILED", "STOPPED"):
            raise RuntimeError(f"the sync ended as {found['status']}: {found['failureReasons']}")
        time.sleep(0.5)
    raise RuntimeError("the sync did not end in time")
