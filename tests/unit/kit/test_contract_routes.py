"""The busiest endpoints keep what FastAPI gives the others: callers, validation, problems."""

from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.testclient import TestClient

from kit.auth.internal import HEADER, InternalTrust
from kit.auth.principal import Principal
from kit.contract_routes import ContractRoute, ContractRoutes
from kit.errors import NotFound
from kit.service import service_app

TRUST = InternalTrust(b"k" * 32)


class Ask(BaseModel):
    name: str


async def greet(_: Request, asked: Ask) -> Response:
    if asked.name == "nobody":
        raise NotFound("There is nobody.")
    if asked.name == "bug":
        raise ZeroDivisionError
    return PlainTextResponse(f"hello {asked.name}")


def signed() -> dict[str, str]:
    """Made when it is used: it is good for a minute."""
    return {HEADER: TRUST.sign(Principal("t", "123456789012", "key"))}


def client() -> TestClient:
    app = service_app("Test", trust=TRUST)
    app.add_middleware(ContractRoutes, trust=TRUST, routes={"/greet": ContractRoute(Ask, greet)})
    return TestClient(app, raise_server_exceptions=False)


def test_a_contract_from_the_gateway_is_answered() -> None:
    answer = client().post("/greet", json={"name": "you"}, headers=signed())

    assert (answer.status_code, answer.text) == (200, "hello you")
    assert answer.headers["x-request-id"]


def test_nobody_else_is_let_in() -> None:
    assert client().post("/greet", json={"name": "you"}).status_code == 401


def test_a_wrong_member_is_named() -> None:
    answer = client().post("/greet", json={"name": 1}, headers=signed())

    assert (answer.status_code, answer.json()["param"]) == (400, "name")


def test_an_error_is_a_problem_with_the_request_id() -> None:
    answer = client().post("/greet", json={"name": "nobody"}, headers=signed())

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


def test_a_bug_is_a_500_that_hides_it() -> None:
    answer = client().post("/greet", json={"name": "bug"}, headers=signed())

    assert answer.status_code == 500
    assert "ZeroDivision" not in answer.text


def test_other_paths_and_methods_go_to_the_app_behind() -> None:
    assert client().get("/livez").json() == {"status": "ok"}
    assert client().get("/greet").status_code == 404
