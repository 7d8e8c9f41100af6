"""Fits the signature verifier to the door: what it needs to know of a caller, and how it asks."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from gateway.aws.protocol import models
from gateway.aws.protocol.route import RoutedOperation, path_style
from gateway.aws.request import AwsRequest, percent_decoded
from gateway.aws.signature.authenticate import Authenticator
from gateway.aws.signature.errors import Malformed, Refused
from kit.auth.principal import Principal
from kit.errors import Unauthenticated


@dataclass(frozen=True, slots=True)
class Signed:
    """The caller, and the body held to its signature; see `registry.Call` for the rest."""

    principal: Principal
    body: AsyncIterator[bytes]
    length: int | None = None
    trailers: Mapping[str, str] = field(default_factory=dict)
    form: Mapping[str, str] = field(default_factory=dict)


Authenticate = Callable[[AwsRequest, RoutedOperation], Awaitable[Signed]]


def by_bearer(authenticator: Authenticator) -> Callable[[str], Awaitable[Principal]]:
    """For a door that takes Bedrock's keys and tells of refusals in words of its own."""

    async def find(token: str) -> Principal:
        try:
            return await authenticator.by_bearer(token)
        except (Refused, Malformed) as error:
            raise Unauthenticated(error.message) from error

    return find


def authentication(authenticator: Authenticator) -> Authenticate:
    async def authenticate(request: AwsRequest, routed: RoutedOperation) -> Signed:
        if routed.name == "PostObject":
            bucket = percent_decoded(routed.labels["Bucket"])
            upload = await authenticator.authenticate_post(request, bucket)
            return Signed(upload.principal, upload.body, form=upload.fields)
        signing_name = models.service(routed.service).signing_name
        # SigV2 leaves the host unsigned, so the bucket that the host names has to be in the path.
        found = await authenticator.authenticate(
            request, service=signing_name, bucket_path=path_style(request)
        )
        return Signed(found.principal, found.body, found.length, found.trailers)

    return authenticate
