"""Mirrors the post on Vitech's chatbot for internal documentation.

Product documents as PDF, each with a link to where it is maintained. The ten nearest passages are
kept where their similarity is high enough (a setting of the knowledge base over REST), every answer
ends with the links of its sources, and a session is forgotten when nobody speaks for a while.

    source .undercroft/client.env
    .venv/bin/python examples/internal_docs_chatbot.py
"""

import json
import os
import time
import urllib.request
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError
from rich.panel import Panel
from support import CLAUDE, DATA, Base, console, knowledge_base, runtime

WIKI = "https://wiki.lantern.example"
LINKS = {
    "enrolment.pdf": f"{WIKI}/members/enrolling",
    "nightly_run.pdf": f"{WIKI}/operations/premium-run",
    "access.pdf": f"{WIKI}/procedures/client-data",
}
LARGE_CHUNKS = {
    "chunkingStrategy": "FIXED_SIZE",
    "fixedSizeChunkingConfiguration": {"maxTokens": 1000, "overlapPercentage": 20},
}
MIN_SCORE = 0.3  # of the cosine; the post keeps distances below 0.48 of its own model
IDLE_SECONDS = 3
# $conversation_history$ is where the session's earlier turns go.
JARVIS = """You are Jarvis, a friendly assistant of the people who work with Lantern. Answer from \
the passages; if you do not know, say so, and make nothing up.

$search_results$

$conversation_history$

Question: $query$

$output_format_instructions$"""


def main() -> None:
    with knowledge_base("handbook", documents(), LARGE_CHUNKS) as base:
        off = "How do I bake bread?"
        console.print(f"“{off}”: {passages(base, off)} passages")
        settings = configure(base, min_score=MIN_SCORE, session_idle_seconds=IDLE_SECONDS)
        console.print(f"REST: min_score={settings['min_score']}, idle after {IDLE_SECONDS} s")
        console.print(f"“{off}”: {passages(base, off)} passages\n")

        session = ask(base, "What does the code PRM-417 of the premium run mean?")
        session = ask(base, "And PRM-502?", session)
        session = ask(base, off, session)
        console.print(f"[dim]... nobody speaks for {IDLE_SECONDS + 1} seconds ...[/dim]")
        time.sleep(IDLE_SECONDS + 1)
        try:
            ask(base, "Whom do I call?", session)
        except ClientError as error:
            console.print(f"the session has ended: {error.response['Error']['Message']}")
        ask(base, "Why must client data not be copied to laptops?")


def documents() -> dict[str, bytes]:
    found = {}
    for name, link in LINKS.items():
        found[name] = (DATA / "handbook" / name).read_bytes()
        found[f"{name}.metadata.json"] = json.dumps({"metadataAttributes": {"link": link}}).encode()
    return found


def configure(base: Base, **changes: Any) -> dict[str, Any]:
    """AWS has no such settings, so they are told over REST; the rest of them stays as it is."""
    path = f"/api/v1/search/knowledge-bases/{base.id}"
    spec = rest("GET", path)["spec"]
    changed: dict[str, Any] = rest("PUT", path, {**spec, **changes})["spec"]
    return changed


def rest(method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        os.environ["UNDERCROFT_URL"] + path,
        method=method,
        data=json.dumps(body).encode() if body else None,
        headers={
            "Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}",
            "Content-Type": "application/json",
        },
    )
    return json.load(urllib.request.urlopen(request))


def passages(base: Base, question: str) -> int:
    found = runtime.retrieve(
        knowledgeBaseId=base.id,
        retrievalQuery={"text": question},
        retrievalConfiguration={"vectorSearchConfiguration": {"numberOfResults": 10}},
    )
    return len(found["retrievalResults"])


def ask(base: Base, question: str, session: str | None = None) -> str:
    members = {"sessionId": session} if session else {}
    response = runtime.retrieve_and_generate(
        input={"text": question},
        retrieveAndGenerateConfiguration={
            "type": "KNOWLEDGE_BASE",
            "knowledgeBaseConfiguration": {
                "knowledgeBaseId": base.id,
                "modelArn": CLAUDE,
                "retrievalConfiguration": {"vectorSearchConfiguration": {"numberOfResults": 10}},
                "generationConfiguration": {"promptTemplate": {"textPromptTemplate": JARVIS}},
            },
        },
        **members,
    )
    cited = [one for part in response["citations"] for one in part["retrievedReferences"]]
    links = sorted({one["metadata"]["link"] for one in cited})
    lines = [response["output"]["text"], *(f"[dim]see {link}[/dim]" for link in links)]
    console.print(Panel("\n".join(lines), title=question, title_align="left"))
    return str(response["sessionId"])


if __name__ == "__main__":
    main()
