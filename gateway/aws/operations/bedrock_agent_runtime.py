"""bedrock-agent-runtime: passages and answers from knowledge bases."""

from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

from contracts.search.retrieval import (
    Answer,
    AnswerRequest,
    Citation,
    InferenceOptions,
    Passage,
    RetrievalOptions,
    RetrieveRequest,
)
from gateway import asking
from gateway.aws.operations.bedrock_agent.common import knowledge_base_id
from gateway.aws.operations.bedrock_models import model_of
from gateway.aws.operations.members import dropped, refuse
from gateway.aws.registry import Call, Parameters, Reply, errors, operation
from kit.errors import (
    DeadlineExceeded,
    InvalidRequest,
    Unavailable,
    Unsupported,
    UpstreamFailed,
)

SERVICE = "bedrock-agent-runtime"
errors(
    SERVICE,
    {
        DeadlineExceeded: "DependencyFailedException",
        Unavailable: "DependencyFailedException",
        Unsupported: "ValidationException",
        UpstreamFailed: "BadGatewayException",
    },
)

_SEARCH = "retrievalConfiguration.vectorSearchConfiguration"
_GENERATION = "generationConfiguration"


@operation(
    SERVICE,
    "Retrieve",
    missing="images as queries, reranking, implicit filters, guardrails, user context",
    resource=knowledge_base_id,
)
async def retrieve(call: Call, parameters: Parameters) -> Parameters:
    refuse(parameters, "guardrailConfiguration", "userContext")
    query = parameters["retrievalQuery"]
    refuse(query, "image", at="retrievalQuery.")
    ask = RetrieveRequest(
        knowledge_base=knowledge_base_id(parameters),
        query=query.get("text", ""),
        options=_options(parameters.get("retrievalConfiguration", {})),
        token=parameters.get("nextToken"),
    )
    found = await asking.retrieve(call.backends, call.principal, str(call.operation), ask)
    results = [
        {**_reference(passage), "score": passage.score, "content": _content(passage)}
        for passage in found.items
    ]
    return dropped({"retrievalResults": results, "nextToken": found.next_token})


_ANSWER_MISSING = "external sources, query decomposition, reranking, guardrails, KMS keys"


def _answered_base(parameters: Parameters) -> str:
    configuration = parameters.get("retrieveAndGenerateConfiguration", {})
    return str(configuration.get("knowledgeBaseConfiguration", {}).get("knowledgeBaseId", "*"))


@operation(SERVICE, "RetrieveAndGenerate", missing=_ANSWER_MISSING, resource=_answered_base)
async def retrieve_and_generate(call: Call, parameters: Parameters) -> Parameters:
    ask = _question(call, parameters)
    answer = await asking.answer(call.backends, call.principal, str(call.operation), ask)
    return _answer(answer)


@operation(SERVICE, "RetrieveAndGenerateStream", missing=_ANSWER_MISSING, resource=_answered_base)
async def retrieve_and_generate_stream(call: Call, parameters: Parameters) -> Parameters | Reply:
    ask = _question(call, parameters)
    events = asking.answer_stream(call.backends, call.principal, str(call.operation), ask)
    first = await anext(events)  # errors before the first byte have a status of their own

    async def stream() -> AsyncIterator[dict[str, Any]]:
        async with aclosing(events):
            yield _event(first.text, first.citation)
            async for event in events:
                if event.text is not None or event.citation is not None:
                    yield _event(event.text, event.citation)

    return {"sessionId": first.session, "stream": stream()}


def _question(call: Call, parameters: Parameters) -> AnswerRequest:
    configuration = parameters.get("retrieveAndGenerateConfiguration", {})
    base = configuration.get("knowledgeBaseConfiguration")
    if configuration.get("type") != "KNOWLEDGE_BASE" or base is None:
        raise InvalidRequest(
            "Answers come from knowledge bases: give the type KNOWLEDGE_BASE with its "
            "knowledgeBaseConfiguration.",
            param="retrieveAndGenerateConfiguration.knowledgeBaseConfiguration",
        )
    refuse(base, "orchestrationConfiguration")
    refuse(parameters, "sessionConfiguration", "userContext")
    generation = base.get(_GENERATION, {})
    refuse(generation, "guardrailConfiguration", at=f"{_GENERATION}.")
    inference = generation.get("inferenceConfig", {}).get("textInferenceConfig", {})
    return AnswerRequest(
        knowledge_base=base["knowledgeBaseId"],
        question=parameters["input"]["text"],
        model=model_of(call, base["modelArn"]),
        options=_options(base.get("retrievalConfiguration", {})),
        prompt_template=generation.get("promptTemplate", {}).get("textPromptTemplate"),
        inference=InferenceOptions(
            max_tokens=inference.get("maxTokens") or 2048,
            temperature=inference.get("temperature", 0.0),
            top_p=inference.get("topP"),
            stop=inference.get("stopSequences", []),
        ),
        session=parameters.get("sessionId"),
    )


def _options(configuration: dict[str, Any]) -> RetrievalOptions:
    refuse(configuration, "managedSearchConfiguration", at="retrievalConfiguration.")
    search = configuration.get("vectorSearchConfiguration", {})
    refuse(search, "implicitFilterConfiguration", "rerankingConfiguration", at=f"{_SEARCH}.")
    return RetrievalOptions(
        results=search.get("numberOfResults", 5),
        search_type=search.get("overrideSearchType"),
        filter=search.get("filter"),
    )


def _answer(answer: Answer) -> Parameters:
    return {
        "sessionId": answer.session,
        "output": {"text": answer.text},
        "citations": [_citation(citation) for citation in answer.citations],
    }


def _event(text: str | None, citation: Citation | None) -> dict[str, Any]:
    if citation is None:
        return {"output": {"text": text or ""}}
    return {"citation": {"citation": _citation(citation), **_citation(citation)}}


def _citation(citation: Citation) -> dict[str, Any]:
    span = {"start": citation.start, "end": citation.end}
    references = [
        {**_reference(passage), "content": _content(passage)} for passage in citation.passages
    ]
    return {
        "generatedResponsePart": {"textResponsePart": {"text": citation.text, "span": span}},
        "retrievedReferences": references,
    }


def _content(passage: Passage) -> dict[str, str]:
    return {"type": "TEXT", "text": passage.text}


def _reference(passage: Passage) -> dict[str, Any]:
    location: dict[str, Any] = {"type": "S3", "s3Location": {"uri": passage.document}}
    if passage.source_type == "CUSTOM":
        location = {"type": "CUSTOM", "customDocumentLocation": {"id": passage.document}}
    return {"location": location, "metadata": passage.metadata}
