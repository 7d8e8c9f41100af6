"""Which model a Bedrock request means, where its name may stand in an ARN that has an account."""

from contracts.generation.models import ModelCard
from gateway.aws.registry import Call
from gateway.cards import find_card
from kit.catalogue import model_id


def model_of(call: Call, reference: str) -> str:
    """The name within a reference; whether it exists is for the service to say, with its adapters.

    What is another account's stays the ARN that it is, which no model and no adapter is called.
    """
    return reference if _is_anothers(call, reference) else model_id(reference)


async def card_of(call: Call, reference: str) -> ModelCard | None:
    if _is_anothers(call, reference):
        return None
    return await find_card(call.backends, call.principal, model_id(reference))


def _is_anothers(call: Call, reference: str) -> bool:
    """Of the catalogue's models nothing is: they are everybody's, and code written for AWS names
    them within the account that it had there. But an adapter of the caller's that has the same name
    is another one."""
    parts = reference.split(":")
    if parts[0] != "arn" or len(parts) < 6 or call.backends.catalogue.knows(reference):
        return False
    return parts[4] not in ("", call.principal.account)
