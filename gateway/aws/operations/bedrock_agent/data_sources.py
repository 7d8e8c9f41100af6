"""bedrock-agent: data sources."""

from typing import Any

from contracts.search.knowledge_bases import (
    CreateDataSource,
    CustomSource,
    DataSource,
    DataSourceId,
    DataSourceSpec,
    ListDataSources,
    S3Source,
    UpdateDataSource,
)
from gateway.aws.operations.bedrock_agent.common import SERVICE, knowledge_base_id, moment, page
from gateway.aws.operations.members import dropped, refuse
from gateway.aws.registry import Call, Parameters, operation
from kit.errors import InvalidRequest

_S3_ARN = "arn:aws:s3:::"
_ABSENT = (
    "customTransformationConfiguration",
    "parsingConfiguration",
    "contextEnrichmentConfiguration",
)
_CONNECTORS = "sources other than S3 and CUSTOM; parsing by a model; custom transformations"


@operation(SERVICE, "CreateDataSource", missing=_CONNECTORS, resource=knowledge_base_id)
async def create_data_source(call: Call, parameters: Parameters) -> Parameters:
    ask = CreateDataSource(
        knowledge_base=knowledge_base_id(parameters),
        spec=_source_spec(parameters),
        client_token=parameters.get("clientToken"),
    )
    return {
        "dataSource": _source(await call.backends.search.create_data_source(call.principal, ask))
    }


@operation(SERVICE, "GetDataSource", resource=knowledge_base_id)
async def get_data_source(call: Call, parameters: Parameters) -> Parameters:
    found = await call.backends.search.data_source(call.principal, _source_id(parameters))
    return {"dataSource": _source(found)}


@operation(SERVICE, "ListDataSources", resource=knowledge_base_id)
async def list_data_sources(call: Call, parameters: Parameters) -> Parameters:
    ask = ListDataSources(
        knowledge_base=knowledge_base_id(parameters), **page(parameters).model_dump()
    )
    found = await call.backends.search.data_sources(call.principal, ask)
    summaries = [
        dropped(
            {
                "knowledgeBaseId": source.knowledge_base,
                "dataSourceId": source.id,
                "name": source.spec.name,
                "description": source.spec.description,
                "status": source.status,
                "updatedAt": moment(source.updated_at),
            }
        )
        for source in found.items
    ]
    return dropped({"dataSourceSummaries": summaries, "nextToken": found.next_token})


@operation(SERVICE, "UpdateDataSource", missing=_CONNECTORS, resource=knowledge_base_id)
async def update_data_source(call: Call, parameters: Parameters) -> Parameters:
    ask = UpdateDataSource(
        knowledge_base=knowledge_base_id(parameters),
        id=parameters["dataSourceId"],
        spec=_source_spec(parameters),
    )
    return {
        "dataSource": _source(await call.backends.search.update_data_source(call.principal, ask))
    }


@operation(SERVICE, "DeleteDataSource", resource=knowledge_base_id)
async def delete_data_source(call: Call, parameters: Parameters) -> Parameters:
    gone = await call.backends.search.delete_data_source(call.principal, _source_id(parameters))
    return {"knowledgeBaseId": gone.knowledge_base, "dataSourceId": gone.id, "status": gone.status}


def _source_id(parameters: Parameters) -> DataSourceId:
    return DataSourceId(knowledge_base=knowledge_base_id(parameters), id=parameters["dataSourceId"])


def _source_spec(parameters: Parameters) -> DataSourceSpec:
    configuration = parameters["dataSourceConfiguration"]
    ingestion = parameters.get("vectorIngestionConfiguration", {})
    refuse(
        ingestion,
        "customTransformationConfiguration",
        "parsingConfiguration",
        "contextEnrichmentConfiguration",
        at="vectorIngestionConfiguration.",
    )
    return DataSourceSpec(
        name=parameters["name"],
        description=parameters.get("description"),
        source=_source_of(configuration),
        chunking=ingestion.get("chunkingConfiguration"),
        deletion_policy=parameters.get("dataDeletionPolicy", "DELETE"),
        extras={"dataSourceConfiguration": configuration},
    )


def _source_of(configuration: dict[str, Any]) -> S3Source | CustomSource:
    if configuration["type"] == "CUSTOM":
        return CustomSource()
    s3 = configuration.get("s3Configuration")
    if configuration["type"] != "S3" or s3 is None:
        raise InvalidRequest(
            f"Data sources of the types S3 and CUSTOM are served; this is {configuration['type']}.",
            param="dataSourceConfiguration.type",
        )
    return S3Source(
        bucket=s3["bucketArn"].removeprefix(_S3_ARN),
        prefix=next(iter(s3.get("inclusionPrefixes", [])), ""),
    )


def _source(source: DataSource) -> dict[str, Any]:
    chunking = source.spec.chunking
    return dropped(
        {
            "knowledgeBaseId": source.knowledge_base,
            "dataSourceId": source.id,
            "name": source.spec.name,
            "description": source.spec.description,
            "status": source.status,
            "dataSourceConfiguration": source.spec.extras.get("dataSourceConfiguration")
            or _configuration(source.spec.source),
            "vectorIngestionConfiguration": {"chunkingConfiguration": chunking}
            if chunking
            else None,
            "dataDeletionPolicy": source.spec.deletion_policy,
            "createdAt": moment(source.created_at),
            "updatedAt": moment(source.updated_at),
        }
    )


def _configuration(source: S3Source | CustomSource) -> dict[str, Any]:
    if isinstance(source, CustomSource):
        return {"type": "CUSTOM"}
    prefixes = {"inclusionPrefixes": [source.prefix]} if source.prefix else {}
    return {"type": "S3", "s3Configuration": {"bucketArn": _S3_ARN + source.bucket, **prefixes}}
