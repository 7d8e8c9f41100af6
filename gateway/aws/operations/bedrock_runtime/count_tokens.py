"""CountTokens: what a request would take, by the model's own tokenizer."""

from contracts.generation.client import GenerateRequest
from dialects.bedrock.converse import Converse
from dialects.bedrock.families import text_dialect
from dialects.body import read_body
from gateway.aws.operations.bedrock_models import model_of
from gateway.aws.operations.bedrock_runtime.asked import SERVICE, model_name
from gateway.aws.registry import Call, Parameters, operation


@operation(
    SERVICE,
    "CountTokens",
    missing="embedding models, and servers that cannot count without generating",
    resource=model_name,
)
async def count_tokens(call: Call, parameters: Parameters) -> Parameters:
    ask = _request(model_of(call, parameters["modelId"]), parameters["input"])
    counted = await call.backends.generation.count_tokens(call.principal, ask)
    return {"inputTokens": counted.input_tokens}


def _request(name: str, given: Parameters) -> GenerateRequest:
    if "converse" in given:
        return Converse().read(name, given["converse"])
    return text_dialect(name).read(name, read_body(given["invokeModel"]["body"]))
