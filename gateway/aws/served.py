"""Everything that this door serves: importing an operations module registers what it declares.

A new module is one line in the imports and one in MODULES.
"""

from collections.abc import Mapping
from types import ModuleType

from gateway.aws.operations import (
    bedrock,
    bedrock_agent_runtime,
    bedrock_batches,
    s3_buckets,
    s3_listing,
    s3_multipart,
    s3_objects,
    s3_post,
    s3_settings,
    s3_tagging,
    sts,
)
from gateway.aws.operations.bedrock_agent import data_sources, ingestion, knowledge_bases
from gateway.aws.operations.bedrock_runtime import converse, count_tokens, invoke
from gateway.aws.operations.sagemaker import components, endpoint_configs, endpoints, models, tags
from gateway.aws.operations.sagemaker_runtime import invoke as invoke_endpoint
from gateway.aws.operations.sagemaker_runtime import invoke_async
from gateway.aws.protocol.identity import OperationId
from gateway.aws.registry import Operation, registered

MODULES: tuple[ModuleType, ...] = (
    bedrock,
    bedrock_agent_runtime,
    bedrock_batches,
    converse,
    count_tokens,
    data_sources,
    ingestion,
    invoke,
    knowledge_bases,
    s3_buckets,
    s3_listing,
    s3_multipart,
    s3_objects,
    s3_post,
    s3_settings,
    s3_tagging,
    components,
    endpoint_configs,
    endpoints,
    models,
    tags,
    invoke_endpoint,
    invoke_async,
    sts,
)
SERVED: Mapping[OperationId, Operation] = {served.id: served for served in registered()}
