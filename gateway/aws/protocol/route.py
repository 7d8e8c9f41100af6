"""Finds the operation that a request is for, from its unread head alone."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache
from urllib.parse import parse_qsl, unquote

from gateway.aws.protocol import models
from gateway.aws.protocol.failures import SerializationFailed, UnknownOperation
from gateway.aws.protocol.identity import OperationId
from gateway.aws.protocol.models import OperationSpec, ServiceSpec
from gateway.aws.protocol.paths import Match, PathTree, Template, labels_of
from gateway.aws.protocol.wire import Protocol, is_form, refuse_other_protocols, signing_name
from gateway.aws.request import AwsRequest

# Without a signing name (a bearer key) the path decides; S3 comes last because it takes any path.
_BY_PATH = ("bedrock", "sagemaker", "s3")


@dataclass(frozen=True, slots=True)
class RoutedOperation:
    """`labels` are the URI's values by name, still percent-encoded."""

    spec: OperationSpec
    protocol: Protocol
    labels: dict[str, str]

    @property
    def id(self) -> OperationId:
        return self.spec.id

    @property
    def service(self) -> str:
        return self.spec.id.service

    @property
    def name(self) -> str:
        return self.spec.id.name


def route(request: AwsRequest, form: bytes = b"") -> RoutedOperation:
    """`form` is the body where `has_form` holds. Raises UnknownOperation, Unsupported."""
    refuse_other_protocols(request)
    target = request.header("x-amz-target")
    if target:
        return _by_target(target)
    scope = signing_name(request)
    return _by_action(request, form, scope) or _by_path(request, scope)


def has_form(request: AwsRequest) -> bool:
    """Whether the operation is named in the body, which must then be read before routing."""
    return is_form(request) and bool(_query_services(signing_name(request)))


def warm() -> None:
    """Builds the route tables, so that the first request does not pay for them."""
    for name in _BY_PATH:
        tree_of(name)


def _by_target(target: str) -> RoutedOperation:
    prefix, _, name = target.rpartition(".")
    for service in _speaking("json"):
        if service.metadata.get("targetPrefix") == prefix and name in service.raw["operations"]:
            return RoutedOperation(service.operation(name), "json", {})
    raise UnknownOperation(f"X-Amz-Target {target!r} names no operation that is known here.")


def _by_action(request: AwsRequest, form: bytes, scope: str | None) -> RoutedOperation | None:
    services = _query_services(scope)
    if not services or not (form or request.raw_query):
        return None
    fields = dict(request.query)
    try:
        fields.update(parse_qsl(form.decode(), keep_blank_values=True, errors="strict"))
    except ValueError as error:
        raise SerializationFailed(f"The form in the body cannot be read: {error}") from error
    action = fields.get("Action")
    if action is None:
        return None
    for service in services:
        if action in service.raw["operations"]:
            return RoutedOperation(service.operation(action), "query", {})
    raise UnknownOperation(f"Action {action!r} is no operation of {scope or 'any service'}.")


def _by_path(request: AwsRequest, scope: str | None) -> RoutedOperation:
    names = (scope,) if scope else _BY_PATH
    for name in names:
        tree = tree_of(name)
        path = path_style(request) if name == "s3" else request.raw_path
        match = tree.find(request.method, path) if tree else None
        if match is not None:
            return _choose(request, match)
    place = f" of {scope}" if scope else ""
    raise UnknownOperation(f"{request.method} {request.raw_path} is no operation{place}.")


def _choose(request: AwsRequest, match: Match) -> RoutedOperation:
    candidates, values = match
    query = dict(request.query)
    templates = candidates.fitting(query)
    if len(candidates.services) > 1:
        owner = _owner(request, candidates.services, values)
        templates = [template for template in templates if template.id.service == owner]
    if not templates:
        raise UnknownOperation(f"{request.method} {request.raw_path} lacks a query that it needs.")
    best = templates[0]
    if len(templates) > 1:
        best = max(templates, key=lambda template: _score(request, query, template))
    service = models.service(best.id.service)
    protocol: Protocol = "rest-xml" if "rest-xml" in service.protocols else "rest-json"
    return RoutedOperation(
        service.operation(best.id.name), protocol, dict(zip(best.labels, values, strict=True))
    )


def _score(
    request: AwsRequest, query: dict[str, str], template: Template
) -> tuple[bool, int, bool]:
    """A template whose needs are met wins over one that lacks some, then the more specific one."""
    needs = [name in query for name in template.needed_query]
    needs += [name in request.by_name for name in template.needed_headers]
    specific = len(template.query) + (len(needs) if all(needs) else -needs.count(False))
    return all(needs), specific, not template.deprecated


def _owner(request: AwsRequest, services: Iterable[str], values: tuple[str, ...]) -> str:
    """Two services share a path: the host may name one, else the ARN's resource type does."""
    host = request.header("host").partition(".")[0]
    if host in services:
        return host
    is_session = any(":session/" in unquote(value) for value in values)
    return "bedrock-agent-runtime" if is_session else "bedrock-agent"


def path_style(request: AwsRequest) -> str:
    """S3's virtual-host style: `bucket.localhost` and `bucket.s3.…` put the bucket in the host."""
    host = request.header("host").partition(":")[0].lower()
    for mark in (".s3.", ".s3-", ".localhost"):
        bucket, found, _ = host.partition(mark)
        if found and bucket and bucket != "s3":
            return f"/{bucket}{request.raw_path}"
    return request.raw_path


@cache
def _speaking(protocol: str) -> tuple[ServiceSpec, ...]:
    specs = (models.service(name) for name in models.SERVICES)
    return tuple(spec for spec in specs if protocol in spec.protocols)


def _query_services(scope: str | None) -> list[ServiceSpec]:
    """Of this signing name; all of them where the request is not signed with SigV4."""
    return [spec for spec in _speaking("query") if scope in (None, spec.signing_name)]


@cache
def tree_of(scope: str) -> PathTree | None:
    """Every REST operation of the services that sign under this name."""
    specs = [models.service(name) for name in models.SERVICES]
    templates = [
        template
        for spec in specs
        if spec.signing_name == scope and {"rest-json", "rest-xml"} & set(spec.protocols)
        for template in templates_of(spec)
    ]
    return PathTree(templates) if templates else None


def templates_of(spec: ServiceSpec) -> list[Template]:
    return [_template(spec, name) for name in spec.operations]


def _template(spec: ServiceSpec, name: str) -> Template:
    raw = spec.raw["operations"][name]
    path, _, query = raw["http"]["requestUri"].partition("?")
    shape = spec.raw["shapes"].get(raw.get("input", {}).get("shape"), {})
    members = [shape["members"][member] for member in shape.get("required", ())]
    needed = _located(members)
    return Template(
        id=OperationId(spec.name, name),
        method=raw["http"]["method"],
        path=path,
        query=tuple(parse_qsl(query, keep_blank_values=True)),
        needed_query=needed("querystring"),
        needed_headers=tuple(header.lower() for header in needed("header")),
        deprecated=bool(raw.get("deprecated")),
        labels=labels_of(path),
    )


def _located(members: list[dict[str, str]]) -> Callable[[str], tuple[str, ...]]:
    return lambda location: tuple(
        member["locationName"] for member in members if member.get("location") == location
    )
