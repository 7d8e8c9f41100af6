"""bedrock: which models there are, under AWS's names and their own, and the tenant's adapters."""

from datetime import UTC, datetime
from typing import Any

from contracts.generation.models import ModelCard
from gateway.aws.operations.bedrock_models import card_of
from gateway.aws.registry import Call, Parameters, operation
from gateway.cards import model_cards
from kit.catalogue import model_id
from kit.errors import NotFound

SERVICE = "bedrock"

_OUTPUTS = {"text": "TEXT", "embedding": "EMBEDDING"}
_STATUS = {"ready": "Active", "starting": "Creating", "stopped": "Active", "failed": "Failed"}


@operation(SERVICE, "ListFoundationModels")
async def list_foundation_models(call: Call, parameters: Parameters) -> Parameters:
    """An alias's name says which model really serves it."""
    summaries = [
        _details(name, card)
        for card in await model_cards(call.backends, call.principal)
        if not card.base
        for name in (card.id, *card.aliases)
        if "." in name
    ]
    return {"modelSummaries": [one for one in summaries if _wanted(one, parameters)]}


@operation(SERVICE, "GetFoundationModel", resource=lambda p: p["modelIdentifier"])
async def get_foundation_model(call: Call, parameters: Parameters) -> Parameters:
    name = model_id(parameters["modelIdentifier"])
    return {"modelDetails": _details(name, await _foundation(call, name))}


@operation(SERVICE, "GetFoundationModelAvailability", resource=lambda p: p["modelId"])
async def get_foundation_model_availability(call: Call, parameters: Parameters) -> Parameters:
    """A model that is known and not here is one without entitlement; its terms are accepted by
    whoever brings its weights."""
    name = model_id(parameters["modelId"])
    catalogue = call.backends.catalogue
    entry = catalogue.owner(name) or catalogue.find(name)
    state = "AVAILABLE" if entry.is_here else "NOT_AVAILABLE"
    return {
        "modelId": name,
        "agreementAvailability": {"status": state},
        "authorizationStatus": "AUTHORIZED",
        "entitlementAvailability": state,
        "regionAvailability": "AVAILABLE",
    }


@operation(SERVICE, "ListCustomModels", missing="creationTimeBefore, creationTimeAfter, isOwned")
async def list_custom_models(call: Call, parameters: Parameters) -> Parameters:
    """The adapters that the tenant can name as a model."""
    cards = await model_cards(call.backends, call.principal)
    found = [_custom(call, card) for card in cards if card.base]
    contained = parameters.get("nameContains", "")
    base = parameters.get("baseModelArnEquals") or parameters.get("foundationModelArnEquals")
    wanted = [
        one
        for one in found
        if contained in one["modelName"]
        and (base is None or _names(call, base, one["baseModelName"]))
    ]
    return {"modelSummaries": wanted}


@operation(SERVICE, "GetCustomModel", resource=lambda p: p["modelIdentifier"])
async def get_custom_model(call: Call, parameters: Parameters) -> Parameters:
    reference = parameters["modelIdentifier"]
    card = await card_of(call, reference)
    if card is None or not card.base:
        raise NotFound(f"There is no adapter {model_id(reference)!r}.", param="modelIdentifier")
    custom = _custom(call, card)
    del custom["baseModelName"]
    return custom


async def _foundation(call: Call, name: str) -> ModelCard:
    entry = call.backends.catalogue.find(name)
    for card in await model_cards(call.backends, call.principal):
        if card.id == entry.id:
            return card
    raise NotFound(f"No engine here serves the model {entry.id}.", param="modelIdentifier")


def _details(name: str, card: ModelCard) -> dict[str, Any]:
    return {
        "modelArn": _foundation_arn(name),
        "modelId": name,
        "modelName": card.name,
        "providerName": card.provider,
        "inputModalities": ["TEXT"],
        "outputModalities": [_OUTPUTS[card.kind]],
        "responseStreamingSupported": card.kind == "text",
        "customizationsSupported": ["FINE_TUNING"] if card.engine == "vllm" else [],
        "inferenceTypesSupported": ["ON_DEMAND"],
        "modelLifecycle": {"status": "ACTIVE"},
    }


def _custom(call: Call, card: ModelCard) -> dict[str, Any]:
    account = call.principal.account
    return {
        "modelArn": f"arn:aws:bedrock:us-east-1:{account}:custom-model/{card.id}",
        "modelName": card.name,
        "creationTime": datetime.fromtimestamp(card.created_at, UTC),
        "baseModelArn": _foundation_arn(card.base),
        "baseModelName": card.base,
        "customizationType": "FINE_TUNING",
        "modelStatus": _STATUS[card.state],
    }


def _foundation_arn(name: str) -> str:
    return f"arn:aws:bedrock:us-east-1::foundation-model/{name}"


def _names(call: Call, arn: str, base: str) -> bool:
    return call.backends.catalogue.find(arn).id == base


def _wanted(summary: dict[str, Any], parameters: Parameters) -> bool:
    provider = parameters.get("byProvider", summary["providerName"])
    return (
        provider.lower() in (summary["providerName"].lower(), summary["modelId"].partition(".")[0])
        and parameters.get("byOutputModality") in (None, *summary["outputModalities"])
        and parameters.get("byInferenceType") in (None, *summary["inferenceTypesSupported"])
        and parameters.get("byCustomizationType") in (None, *summary["customizationsSupported"])
    )
