"""Knowledge bases as the wire tests make them: through boto3, from documents in a bucket."""

import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from tests.support.platform import Credentials, Platform

MODEL = "arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v1"
CLAUDE = "arn:aws:bedrock:us-east-1::foundation-model/anthropic.claude-v2:1"
ROLE = "arn:aws:iam::000000000000:role/knowledge"
BY_ROW = {
    "type": "RECORD_BASED_STRUCTURE_METADATA",
    "recordBasedStructureMetadata": {
        "contentFields": [{"fieldName": "about"}],
        "metadataFieldsSpecification": {
            "fieldsToInclude": [{"fieldName": "email"}, {"fieldName": "city"}]
        },
    },
}


def unique(prefix: str) -> str:
    return f"{prefix}-{uuid4().hex[:12]}"


def until(look: Callable[[], Any], wanted: Callable[[Any], bool], seconds: float = 60) -> Any:
    """What `look` gives once it is as wanted."""
    deadline = time.monotonic() + seconds
    while not wanted(found := look()):
        assert time.monotonic() < deadline, f"still not as wanted: {found}"
        time.sleep(0.05)
    return found


@dataclass(frozen=True)
class Knowledge:
    """A knowledge base over a bucket; `custom` is a second source for documents put directly."""

    platform: Platform
    who: Credentials
    id: str
    source: str
    bucket: str

    @classmethod
    def create(
        cls,
        platform: Platform,
        who: Credentials | None = None,
        *,
        chunking: Mapping[str, Any] | None = None,
    ) -> "Knowledge":
        who = who or platform.owner
        bucket = unique("docs")
        platform.boto3("s3", who).create_bucket(Bucket=bucket)
        agent = platform.boto3("bedrock-agent", who)
        made = agent.create_knowledge_base(
            name=unique("kb"), roleArn=ROLE, knowledgeBaseConfiguration=vector_configuration()
        )["knowledgeBase"]
        source = agent.create_data_source(
            knowledgeBaseId=made["knowledgeBaseId"],
            name=unique("bucket"),
            dataSourceConfiguration=s3_configuration(bucket),
            **(
                {"vectorIngestionConfiguration": {"chunkingConfiguration": chunking}}
                if chunking
                else {}
            ),
        )["dataSource"]
        return cls(platform, who, made["knowledgeBaseId"], source["dataSourceId"], bucket)

    @property
    def scope(self) -> dict[str, str]:
        return {"knowledgeBaseId": self.id, "dataSourceId": self.source}

    def client(self, service: str) -> Any:
        return self.platform.boto3(service, self.who)

    def put(self, key: str, text: str | bytes, **sidecar: Any) -> str:
        """Uploads a document, with a sidecar where there is something to say; its URI."""
        s3 = self.client("s3")
        s3.put_object(Bucket=self.bucket, Key=key, Body=text)
        if sidecar:
            s3.put_object(
                Bucket=self.bucket, Key=f"{key}.metadata.json", Body=json.dumps(sidecar).encode()
            )
        return f"s3://{self.bucket}/{key}"

    def remove(self, *keys: str) -> None:
        for key in keys:
            self.client("s3").delete_object(Bucket=self.bucket, Key=key)

    def sync(self) -> dict[str, Any]:
        """Runs an ingestion to its end; its statistics without the zeros."""
        job = self.ingest()
        assert job["status"] == "COMPLETE", job
        return {name: number for name, number in job["statistics"].items() if number}

    def ingest(self) -> dict[str, Any]:
        agent = self.client("bedrock-agent")
        started = agent.start_ingestion_job(**self.scope)["ingestionJob"]
        job: dict[str, Any] = until(
            lambda: agent.get_ingestion_job(**self.scope, ingestionJobId=started["ingestionJobId"])[
                "ingestionJob"
            ],
            lambda job: job["status"] in ("COMPLETE", "FAILED", "STOPPED"),
        )
        return job

    def retrieve(self, query: str, results: int = 5, **search: Any) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.client("bedrock-agent-runtime").retrieve(
            knowledgeBaseId=self.id,
            retrievalQuery={"text": query},
            retrievalConfiguration={
                "vectorSearchConfiguration": {"numberOfResults": results, **search}
            },
        )["retrievalResults"]
        return found

    def ask(self, question: str, session: str | None = None, **members: Any) -> dict[str, Any]:
        answered: dict[str, Any] = self.client("bedrock-agent-runtime").retrieve_and_generate(
            **self.question(question, session, **members)
        )
        return answered

    def question(self, question: str, session: str | None = None, **members: Any) -> dict[str, Any]:
        """The parameters of RetrieveAndGenerate; `members` go into the configuration."""
        base = {"knowledgeBaseId": self.id, "modelArn": CLAUDE, **members}
        configuration = {"type": "KNOWLEDGE_BASE", "knowledgeBaseConfiguration": base}
        return {
            "input": {"text": question},
            "retrieveAndGenerateConfiguration": configuration,
            **({"sessionId": session} if session else {}),
        }


def vector_configuration(model: str = MODEL) -> dict[str, Any]:
    return {
        "type": "VECTOR",
        "vectorKnowledgeBaseConfiguration": {"embeddingModelArn": model},
    }


def s3_configuration(bucket: str, *prefixes: str) -> dict[str, Any]:
    where: dict[str, Any] = {"bucketArn": f"arn:aws:s3:::{bucket}"}
    if prefixes:
        where["inclusionPrefixes"] = list(prefixes)
    return {"type": "S3", "s3Configuration": where}
