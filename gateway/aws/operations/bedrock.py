"""bedrock: which models there are, under AWS's names and their own."""

from typing import Any

from gateway.aws.registry import Call, Parameters, operation
from kit.catalogue import ModelEntry, model_id

SERVICE = "bedrock"

_OUTPUTS = {"text": "TEXT", "embedding": "EMBEDDING"}


@operation(SERVICE, "ListFoundationModels")
async def list_foundation_models(call: Call, parameters: Parameters) -> Parameters:
    """An alias's name says which model really serves it."""
    catalogue = call.backends.catalogue
    summaries = [
        _details(name, entry)
        for entry in catalogue.entries
        for name in (entry.id, *catalogue.aliases_of(entry))
        if "." in name
    ]
    return {"modelSummaries": [one for one in summaries if _wanted(one, parameters)]}


@operation(SERVICE, "GetFoundationModel", resource=lambda p: p["modelIdentifier"])
async def get_foundation_model(call: Call, parameters: Parameters) -> Parameters:
    name = model_id(parameters["modelIdentifier"])
    return {"modelDetails": _details(name, call.backends.catalogue.find(name))}


def _details(name: str, entry: ModelEntry) -> dict[str, Any]:
    return {
        "modelArn": f"arn:aws:bedrock:us-east-1::foundation-model/{name}",
        "modelId": name,
        "modelName": entry.name,
        "providerName": entry.provider,
        "inputModalities": ["TEXT"],
        "outputModalities": [_OUTPUTS[entry.kind]],
        "responseStreamingSupported": entry.kind == "text",
        "customizationsSupported": [],
        "inferenceTypesSupported": ["ON_DEMAND"],
        "modelLifecycle": {"status": "ACTIVE"},
    }


def _wanted(summary: dict[str, Any], parameters: Parameters) -> bool:
    provider = parameters.get("byProvider", summary["providerName"])
    return (
        provider.lower() in (summary["providerName"].lower(), summary["modelId"].partition(".")[0])
        and parameters.get("byOutputModality") in (None, *summary["outputModalities"])
        and parameters.get("byInferenceType") in (None, *summary["inferenceTypesSupported"])
        and parameters.get("byCustomizationType") in (None, *summary["customizationsSupported"])
    )
