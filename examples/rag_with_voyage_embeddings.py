"""Mirrors the post on retrieval with Voyage AI embeddings and Claude 3.

No knowledge base here: chunks of a report are embedded in batches through a SageMaker endpoint,
ranked by their cosine to the query in plain Python, and put into the prompt of InvokeModel. Then
the same question without any context, for comparison.

    source .undercroft/client.env
    .venv/bin/python examples/rag_with_voyage_embeddings.py
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from typing import Any

import boto3
from rich.panel import Panel
from support import DATA, console

ENDPOINT = "voyage-large-2-embedding"
CLAUDE_3 = "anthropic.claude-3-sonnet-20240229-v1:0"
BATCH_SIZE = 8
TOP_K = 3
QUERY = (
    "What is the aggregate market value of the shares held by non-affiliates of the registrant,"
    " as of September 30, 2022?"
)

sagemaker = boto3.client("sagemaker-runtime")
bedrock = boto3.client("bedrock-runtime")


@dataclass(frozen=True)
class Indexed:
    document: str
    embedding: list[float]


def main() -> None:
    tell_models()
    index = make_index(chunks((DATA / "annual_report" / "annual_report.txt").read_text()))
    found = nearest(index, embed([QUERY], "query")[0])
    console.rule(f"The nearest {TOP_K} chunks")
    for score, chunk in found:
        console.print(f"{score:.3f}  {' '.join(chunk.split())[:90]} ...")
    console.rule("With context")
    console.print(Panel(generate("\n\n".join(chunk for _, chunk in found)), title=QUERY))
    console.rule("Without")
    console.print(Panel(generate(""), title=QUERY))


def tell_models() -> None:
    models = boto3.client("bedrock").list_foundation_models()["modelSummaries"]
    names = {one["modelId"]: one["modelName"] for one in models}
    console.print(f"{len(models)} models; {CLAUDE_3} is served by: {names[CLAUDE_3]}")


def chunks(text: str) -> list[str]:
    """A chunk for each section: its heading and its paragraph."""
    blocks = [block.strip() for block in text.split("\n\n") if block.strip()]
    return [f"{blocks[at]}\n\n{blocks[at + 1]}" for at in range(1, len(blocks) - 1, 2)]


def make_index(documents: Sequence[str]) -> list[Indexed]:
    started, index = time.monotonic(), list[Indexed]()
    for at in range(0, len(documents), BATCH_SIZE):
        batch = documents[at : at + BATCH_SIZE]
        index += map(Indexed, batch, embed(batch, "document"))
        console.print(f"[dim]embedded {len(index)} of {len(documents)} chunks[/dim]")
    dimension = len(index[0].embedding)
    console.print(f"[dim]{time.monotonic() - started:.2f} s, {dimension} dimensions[/dim]")
    return index


def embed(texts: Sequence[str], input_type: str) -> list[list[float]]:
    response = sagemaker.invoke_endpoint(
        EndpointName=ENDPOINT,
        ContentType="application/json",
        Body=json.dumps({"input": list(texts), "input_type": input_type, "truncation": "true"}),
    )
    return [row["embedding"] for row in json.load(response["Body"])["data"]]


def nearest(index: Sequence[Indexed], query: Sequence[float]) -> list[tuple[float, str]]:
    scored = [(cosine(one.embedding, query), one.document) for one in index]
    return sorted(scored, reverse=True)[:TOP_K]


def cosine(one: Sequence[float], other: Sequence[float]) -> float:
    dot = sum(a * b for a, b in zip(one, other, strict=True))
    return dot / sqrt(sum(a * a for a in one) * sum(b * b for b in other))


def generate(context: str) -> str:
    prompt = f"""INSTRUCTIONS:
Answer the QUERY from the CONTEXT below and from nothing else. If the CONTEXT does not hold the
facts, say that you do not have enough context.

QUERY: {QUERY}

CONTEXT: {context}"""
    body: dict[str, Any] = {
        "anthropic_version": "bedrock-2023-05-31",
        "max_tokens": 512,
        "messages": [{"role": "user", "content": [{"type": "text", "text": prompt}]}],
    }
    response = bedrock.invoke_model(
        modelId=CLAUDE_3,
        body=json.dumps(body),
        accept="application/json",
        contentType="application/json",
    )
    return str(json.load(response["body"])["content"][0]["text"])


if __name__ == "__main__":
    main()
