"""bedrock-agent: knowledge bases and their tags."""

from typing import Any

from contracts.search.knowledge_bases import (
    CreateKnowledgeBase,
    KnowledgeBase,
    KnowledgeBaseSpec,
    Tags,
    UpdateKnowledgeBase,
)
from gateway.aws.operations.bedrock_agent.common import SERVICE, knowledge_base_id, moment, page
from gateway.aws.operations.members import dropped
from gateway.aws.registry import Call, Parameters, operation
from kit.errors import InvalidRequest

_VECTORS = "the vector store named is recorded, and the vectors are kept in the platform's index"


@operation(SERVICE, "CreateKnowledgeBase", missing=_VECTORS, resource=lambda p: p["name"])
async def create_knowledge_base(call: Call, parameters: Parameters) -> Parameters:
    ask = CreateKnowledgeBase(
        spec=_base_spec(parameters), client_token=parameters.get("clientToken")
    )
    made = await call.backends.search.create_knowledge_base(call.principal, ask)
    return {"knowledgeBase": _base(call, made)}


@operation(SERVICE, "GetKnowledgeBase", resource=knowledge_base_id)
async def get_knowledge_base(call: Call, parameters: Parameters) -> Parameters:
    found = await call.backends.search.knowledge_base(call.principal, knowledge_base_id(parameters))
    return {"knowledgeBase": _base(call, found)}


@operation(SERVICE, "ListKnowledgeBases")
async def list_knowledge_bases(call: Call, parameters: Parameters) -> Parameters:
    found = await call.backends.search.knowledge_bases(call.principal, page(parameters))
    summaries = [
        dropped(
            {
                "knowledgeBaseId": base.id,
                "name": base.spec.name,
                "description": base.spec.description,
                "status": base.status,
                "updatedAt": moment(base.updated_at),
            }
        )
        for base in found.items
    ]
    return dropped({"knowledgeBaseSummaries": summaries, "nextToken": found.next_token})


@operation(SERVICE, "UpdateKnowledgeBase", resource=knowledge_base_id)
async def update_knowledge_base(call: Call, parameters: Parameters) -> Parameters:
    id = knowledge_base_id(parameters)
    before = await call.backends.search.knowledge_base(call.principal, id)
    kept = before.spec.model_dump(include={"language", "min_score", "session_idle_seconds"})
    spec = _base_spec(parameters).model_copy(update=kept)
    changed = await call.backends.search.update_knowledge_base(
        call.principal, UpdateKnowledgeBase(id=id, spec=spec)
    )
    return {"knowledgeBase": _base(call, changed)}


@operation(SERVICE, "DeleteKnowledgeBase", resource=knowledge_base_id)
async def delete_knowledge_base(call: Call, parameters: Parameters) -> Parameters:
    gone = await call.backends.search.delete_knowledge_base(
        call.principal, knowledge_base_id(parameters)
    )
    return {"knowledgeBaseId": gone.id, "status": gone.status}


@operation(SERVICE, "TagResource", resource=lambda p: p["resourceArn"])
async def tag_resource(call: Call, parameters: Parameters) -> Parameters:
    ask = Tags(resource=parameters["resourceArn"], set=parameters["tags"])
    await call.backends.search.tags(call.principal, ask)
    return {}


@operation(SERVICE, "UntagResource", resource=lambda p: p["resourceArn"])
async def untag_resource(call: Call, parameters: Parameters) -> Parameters:
    ask = Tags(resource=parameters["resourceArn"], remove=parameters["tagKeys"])
    await call.backends.search.tags(call.principal, ask)
    return {}


@operation(SERVICE, "ListTagsForResource", resource=lambda p: p["resourceArn"])
async def list_tags(call: Call, parameters: Parameters) -> Parameters:
    found = await call.backends.search.tags(
        call.principal, Tags(resource=parameters["resourceArn"])
    )
    return {"tags": found.tags}


def _base_spec(parameters: Parameters) -> KnowledgeBaseSpec:
    configuration = parameters["knowledgeBaseConfiguration"]
    vector = configuration.get("vectorKnowledgeBaseConfiguration")
    if configuration["type"] != "VECTOR" or vector is None:
        raise InvalidRequest(
            "Knowledge bases of the type VECTOR are served, with a "
            f"vectorKnowledgeBaseConfiguration; this is {configuration['type']}.",
            param="knowledgeBaseConfiguration.type",
        )
    model = vector.get("embeddingModelConfiguration", {}).get(
        "bedrockEmbeddingModelConfiguration", {}
    )
    if model.get("embeddingDataType", "FLOAT32") != "FLOAT32":
        raise InvalidRequest(
            "Vectors are kept as FLOAT32.",
            param="knowledgeBaseConfiguration.vectorKnowledgeBaseConfiguration"
            ".embeddingModelConfiguration.bedrockEmbeddingModelConfiguration.embeddingDataType",
        )
    echoed = ("roleArn", "knowledgeBaseConfiguration", "storageConfiguration")
    return KnowledgeBaseSpec(
        name=parameters["name"],
        description=parameters.get("description"),
        embedding_model=vector["embeddingModelArn"],
        dimensions=model.get("dimensions"),
        tags=parameters.get("tags", {}),
        extras={name: parameters[name] for name in echoed if name in parameters},
    )


def _base(call: Call, base: KnowledgeBase) -> dict[str, Any]:
    return dropped(
        {
            "knowledgeBaseId": base.id,
            "knowledgeBaseArn": f"arn:aws:bedrock:us-east-1:{call.principal.account}"
            f":knowledge-base/{base.id}",
            "name": base.spec.name,
            "description": base.spec.description,
            "status": base.status,
            "createdAt": moment(base.created_at),
            "updatedAt": moment(base.updated_at),
            "failureReasons": base.failure_reasons or None,
            **_made_elsewhere(call, base),
            **base.spec.extras,
        }
    )


def _made_elsewhere(call: Call, base: KnowledgeBase) -> dict[str, Any]:
    """What the shape requires of a knowledge base that REST made, which has no such members."""
    return {
        "roleArn": f"arn:aws:iam::{call.principal.account}:role/undercroft",
        "knowledgeBaseConfiguration": {
            "type": "VECTOR",
            "vectorKnowledgeBaseConfiguration": {"embeddingModelArn": base.spec.embedding_model},
        },
    }
