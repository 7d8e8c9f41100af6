"""Mirrors the post on custom prompts and the number of results in RetrieveAndGenerate.

A year's report as a PDF; one question asked with 1 and with 12 results; another asked through the
default prompt, through a prompt of our own, and as a stream. Whether JSON comes of the last prompt
is the model's affair: the extractive answerer quotes, and follows no instructions on format.

    source .undercroft/client.env
    .venv/bin/python examples/knowledge_base_custom_prompts.py
"""

from collections.abc import Mapping
from typing import Any

import boto3
from support import CLAUDE, DATA, Base, console, knowledge_base, runtime, show_answer

SMALL_CHUNKS = {
    "chunkingStrategy": "FIXED_SIZE",
    "fixedSizeChunkingConfiguration": {"maxTokens": 100, "overlapPercentage": 10},
}
HIDDEN = "In what year did Tidewell's annual revenue increase from $245M to $434M?"
YEARS = "What was Tidewell's total revenue in 2020 and 2021?"
# Without $output_format_instructions$ the model is not asked to cite, and nothing is cited.
JSON_PROMPT = """Human: Answer the question from these search results and from nothing else. If \
they do not hold the answer, say that you could not find one.

<context>
$search_results$
</context>

<question>
$query$
</question>

Where several years are asked for, answer in JSON: {year: answer}.

Assistant:"""


def main() -> None:
    report = (DATA / "annual_report" / "annual_report.pdf").read_bytes()
    with knowledge_base("annual-report", {"report.pdf": report}, SMALL_CHUNKS) as base:
        console.rule("How many results")
        for count in (1, 12):
            console.print(f"numberOfResults = {count}")
            show_answer(HIDDEN, ask(base, HIDDEN, results=count))
        console.rule("The default prompt")
        show_answer(YEARS, ask(base, YEARS))
        console.rule("A prompt of our own, without $output_format_instructions$: no citations")
        response = ask(base, YEARS, prompt=JSON_PROMPT)
        show_answer(YEARS, response)
        console.print(f"citations: {len(response['citations'])}")
        console.rule("The same as a stream")
        stream(base, "How many containers did the terminal at Gdynia handle?")
    tell_who_wrote()


def ask(base: Base, question: str, results: int = 12, prompt: str | None = None) -> dict[str, Any]:
    answer: dict[str, Any] = runtime.retrieve_and_generate(
        input={"text": question},
        retrieveAndGenerateConfiguration=configuration(base, results, prompt),
    )
    return answer


def stream(base: Base, question: str) -> None:
    """Pieces of text as they come, and a citation after the text that it covers."""
    response = runtime.retrieve_and_generate_stream(
        input={"text": question},
        retrieveAndGenerateConfiguration=configuration(base, 12, None),
    )
    for event in response["stream"]:
        if "output" in event:
            console.print(event["output"]["text"], end="")
        elif "citation" in event:
            for reference in event["citation"]["retrievedReferences"]:
                console.print(f"  [dim]<- {place(reference)}[/dim]")


def configuration(base: Base, results: int, prompt: str | None) -> dict[str, Any]:
    search = {"numberOfResults": results, "overrideSearchType": "SEMANTIC"}
    settings: dict[str, Any] = {
        "knowledgeBaseId": base.id,
        "modelArn": CLAUDE,
        "retrievalConfiguration": {"vectorSearchConfiguration": search},
    }
    if prompt:
        settings["generationConfiguration"] = {"promptTemplate": {"textPromptTemplate": prompt}}
    return {"type": "KNOWLEDGE_BASE", "knowledgeBaseConfiguration": settings}


def place(reference: Mapping[str, Any]) -> str:
    page = reference["metadata"].get("x-amz-bedrock-kb-document-page-number")
    return f"{reference['location']['s3Location']['uri']}, page {page:.0f}"


def tell_who_wrote() -> None:
    """A name of AWS may be served by another model here; the catalogue says which."""
    wanted = CLAUDE.rpartition("/")[2]
    models = boto3.client("bedrock").list_foundation_models()["modelSummaries"]
    named = next(one for one in models if one["modelId"] == wanted)
    console.print(f"\n{wanted} is served here by: {named['modelName']}, {named['providerName']}")


if __name__ == "__main__":
    main()
