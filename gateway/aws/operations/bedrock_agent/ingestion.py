"""bedrock-agent: ingestion jobs, and documents put in and taken out directly."""

from typing import Any

from contracts.search.ingestion import (
    DirectDocument,
    Document,
    DocumentIds,
    Ingestion,
    IngestionId,
    ListDocuments,
    ListIngestions,
    PutDocuments,
    StartIngestion,
)
from gateway.aws.operations.bedrock_agent.common import SERVICE, knowledge_base_id, moment, page
from gateway.aws.operations.members import dropped
from gateway.aws.registry import Call, Parameters, operation
from kit.errors import InvalidRequest

_STATISTICS = {
    "scanned": "numberOfDocumentsScanned",
    "metadata_scanned": "numberOfMetadataDocumentsScanned",
    "new": "numberOfNewDocumentsIndexed",
    "modified": "numberOfModifiedDocumentsIndexed",
    "metadata_modified": "numberOfMetadataDocumentsModified",
    "deleted": "numberOfDocumentsDeleted",
    "failed": "numberOfDocumentsFailed",
    "skipped": "numberOfDocumentsSkipped",
}


@operation(SERVICE, "StartIngestionJob", resource=knowledge_base_id)
async def start_ingestion_job(call: Call, parameters: Parameters) -> Parameters:
    ask = StartIngestion(
        **_scope(parameters),
        description=parameters.get("description"),
        client_token=parameters.get("clientToken"),
    )
    started = await call.backends.search.start_ingestion(call.principal, ask)
    return {"ingestionJob": _ingestion(started)}


@operation(SERVICE, "StopIngestionJob", resource=knowledge_base_id)
async def stop_ingestion_job(call: Call, parameters: Parameters) -> Parameters:
    stopped = await call.backends.search.stop_ingestion(call.principal, _ingestion_id(parameters))
    return {"ingestionJob": _ingestion(stopped)}


@operation(SERVICE, "GetIngestionJob", resource=knowledge_base_id)
async def get_ingestion_job(call: Call, parameters: Parameters) -> Parameters:
    found = await call.backends.search.ingestion(call.principal, _ingestion_id(parameters))
    return {"ingestionJob": _ingestion(found)}


@operation(SERVICE, "ListIngestionJobs", resource=knowledge_base_id)
async def list_ingestion_jobs(call: Call, parameters: Parameters) -> Parameters:
    sort = parameters.get("sortBy", {})
    filters = parameters.get("filters", [])
    ask = ListIngestions(
        **_scope(parameters),
        **page(parameters).model_dump(),
        statuses=[status for one in filters for status in one["values"]] or None,
        sort_by=sort.get("attribute", "STARTED_AT"),
        descending=sort.get("order", "DESCENDING") == "DESCENDING",
    )
    found = await call.backends.search.ingestions(call.principal, ask)
    summaries = [_ingestion(one) for one in found.items]
    for summary in summaries:
        summary.pop("failureReasons", None)
    return dropped({"ingestionJobSummaries": summaries, "nextToken": found.next_token})


@operation(
    SERVICE,
    "IngestKnowledgeBaseDocuments",
    missing="access control lists",
    resource=knowledge_base_id,
)
async def ingest_documents(call: Call, parameters: Parameters) -> Parameters:
    ask = PutDocuments(
        **_scope(parameters),
        documents=[
            _direct(document, f"documents.{n + 1}.member")
            for n, document in enumerate(parameters["documents"])
        ],
    )
    accepted = await call.backends.search.put_documents(call.principal, ask)
    return {"documentDetails": [_detail(parameters, one) for one in accepted.items]}


@operation(SERVICE, "GetKnowledgeBaseDocuments", resource=knowledge_base_id)
async def get_documents(call: Call, parameters: Parameters) -> Parameters:
    found = await call.backends.search.documents(call.principal, _document_ids(parameters))
    return {"documentDetails": [_detail(parameters, one) for one in found.items]}


@operation(SERVICE, "ListKnowledgeBaseDocuments", resource=knowledge_base_id)
async def list_documents(call: Call, parameters: Parameters) -> Parameters:
    ask = ListDocuments(**_scope(parameters), **page(parameters).model_dump())
    found = await call.backends.search.list_documents(call.principal, ask)
    details = [_detail(parameters, one) for one in found.items]
    return dropped({"documentDetails": details, "nextToken": found.next_token})


@operation(SERVICE, "DeleteKnowledgeBaseDocuments", resource=knowledge_base_id)
async def delete_documents(call: Call, parameters: Parameters) -> Parameters:
    gone = await call.backends.search.delete_documents(call.principal, _document_ids(parameters))
    return {"documentDetails": [_detail(parameters, one) for one in gone.items]}


def _scope(parameters: Parameters) -> dict[str, str]:
    return {
        "knowledge_base": knowledge_base_id(parameters),
        "data_source": parameters["dataSourceId"],
    }


def _ingestion_id(parameters: Parameters) -> IngestionId:
    return IngestionId(**_scope(parameters), id=parameters["ingestionJobId"])


def _ingestion(ingestion: Ingestion) -> dict[str, Any]:
    counts = ingestion.statistics.model_dump()
    return dropped(
        {
            "knowledgeBaseId": ingestion.knowledge_base,
            "dataSourceId": ingestion.data_source,
            "ingestionJobId": ingestion.id,
            "description": ingestion.description,
            "status": ingestion.status,
            "statistics": {_STATISTICS[name]: number for name, number in counts.items()},
            "failureReasons": ingestion.failure_reasons or None,
            "startedAt": moment(ingestion.started_at),
            "updatedAt": moment(ingestion.updated_at),
        }
    )


def _document_ids(parameters: Parameters) -> DocumentIds:
    ids = [_identifier(one) for one in parameters["documentIdentifiers"]]
    return DocumentIds(**_scope(parameters), ids=ids)


def _identifier(given: dict[str, Any]) -> str:
    kind = "custom" if given["dataSourceType"] == "CUSTOM" else "s3"
    if kind not in given:
        raise InvalidRequest(f"A {given['dataSourceType']} document needs `{kind}`.", param=kind)
    return str(given["custom"]["id"] if kind == "custom" else given["s3"]["uri"])


def _direct(document: dict[str, Any], param: str) -> DirectDocument:
    content, metadata = document["content"], document.get("metadata", {})
    attributes = metadata.get("inlineAttributes")
    common: dict[str, Any] = {
        "attributes": _attributes(attributes) if attributes is not None else None,
        "attributes_uri": metadata.get("s3Location", {}).get("uri"),
    }
    if content["dataSourceType"] == "S3":
        if "s3" not in content:
            raise InvalidRequest("An S3 document needs `s3`.", param=f"{param}.content.s3")
        return DirectDocument(id=content["s3"]["s3Location"]["uri"], **common)
    custom = content.get("custom")
    if custom is None:
        raise InvalidRequest("A CUSTOM document needs `custom`.", param=f"{param}.content.custom")
    id = custom["customDocumentIdentifier"]["id"]
    if custom["sourceType"] == "S3_LOCATION":
        if "s3Location" not in custom:
            raise InvalidRequest(
                "Content in S3 needs s3Location.", param=f"{param}.content.custom.s3Location"
            )
        return DirectDocument(id=id, source_uri=custom["s3Location"]["uri"], **common)
    data, media_type = _inline(custom.get("inlineContent"), param)
    return DirectDocument.model_construct(id=id, content=data, media_type=media_type, **common)


def _inline(inline: dict[str, Any] | None, param: str) -> tuple[bytes, str]:
    if inline and inline["type"] == "TEXT" and "textContent" in inline:
        return inline["textContent"]["data"].encode(), "text/plain"
    if inline and inline["type"] == "BYTE" and "byteContent" in inline:
        return inline["byteContent"]["data"], inline["byteContent"]["mimeType"]
    raise InvalidRequest(
        "Inline content of type TEXT needs textContent, of type BYTE byteContent.",
        param=f"{param}.content.custom.inlineContent",
    )


def _attributes(given: list[dict[str, Any]]) -> dict[str, Any]:
    members = {
        "BOOLEAN": "booleanValue",
        "NUMBER": "numberValue",
        "STRING": "stringValue",
        "STRING_LIST": "stringListValue",
    }
    values = {}
    for attribute in given:
        value, member = attribute["value"], members[attribute["value"]["type"]]
        if member not in value:
            raise InvalidRequest(f"{attribute['key']} needs {member}.", param="inlineAttributes")
        values[attribute["key"]] = value[member]
    return values


def _detail(parameters: Parameters, document: Document) -> dict[str, Any]:
    identifier: dict[str, Any] = {"dataSourceType": "CUSTOM", "custom": {"id": document.id}}
    if document.id.startswith("s3://"):
        identifier = {"dataSourceType": "S3", "s3": {"uri": document.id}}
    return dropped(
        {
            "knowledgeBaseId": knowledge_base_id(parameters),
            "dataSourceId": parameters["dataSourceId"],
            "status": document.status,
            "identifier": identifier,
            "statusReason": document.reason,
            "updatedAt": moment(document.updated_at) if document.updated_at else None,
        }
    )
