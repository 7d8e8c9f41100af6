"""Generated requests to every route of the OpenAPI document: no failure, and answers as it says."""

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from tests.support.platform import Platform

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]
ENDLESS = "/events$|^/docs|^/metrics$"


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_every_route_answers_as_its_document_says(platform: Platform, mode: GenerationMode) -> None:
    document = schemathesis.openapi.from_url(f"{platform.url}/openapi.json")
    headers = platform.rest()
    failures: list[str] = []
    tried = 0
    for found in document.exclude(path_regex=ENDLESS).get_all_operations():
        route = found.ok()

        @seed(1)
        @settings(
            max_examples=12,
            database=None,
            phases=[Phase.generate],
            suppress_health_check=list(HealthCheck),
        )
        @given(case=route.as_strategy(generation_mode=mode))
        def conforms(case: schemathesis.Case) -> None:
            nonlocal tried
            tried += 1
            case.call_and_validate(headers=headers, checks=CHECKS, timeout=30)

        try:
            conforms()
        except Unsatisfiable:  # a route without inputs has none that is wrong
            continue
        except FailureGroup as failure:
            failures.append(f"{route.label}: {failure!r}")
    assert tried > 100
    assert not failures, "\n\n".join(failures)
