"""The busiest endpoints keep what FastAPI gives the others: callers, validation, problems."""

from collections.abc import AsyncGenerator

from pydantic import BaseModel
from starlette.testclient import TestClient

from kit.auth.internal import HEADER, InternalTrust
from kit.auth.principal import Principal
from kit.contract_routes import ContractRoute, StreamRoute, mount
from kit.errors import NotFound
from kit.service import service_app

TRUST = InternalTrust(b"k" * 32)


class Ask(BaseModel):
    name: str


class Told(BaseModel):
    text: str


async def greet(who: Principal, asked: Ask) -> Told:
    if asked.name == "nobody":
        raise NotFound("There is nobody.")
    if asked.name == "bug":
        raise ZeroDivisionError
    return Told(text=f"{who.tenant} greets {asked.name}")


async def spell(_: Principal, asked: Ask) -> AsyncGenerator[Told, None]:
    if asked.name == "nobody":
        raise NotFound("There is nobody.")
    for letter in asked.name:
        if letter == "?":
            raise NotFound("There is no such letter.")
        yield Told(text=letter)


def signed() -> dict[str, str]:
    """Made when it is used: it is good for a minute."""
    return {HEADER: TRUST.sign(Principal("t", "123456789012", "key"))}


def client() -> TestClient:
    app = service_app("Test", trust=TRUST)
    mount(app, TRUST, {"/greet": ContractRoute(Ask, greet), "/spell": StreamRoute(Ask, spell)})
    return TestClient(app, raise_server_exceptions=False)


def test_a_contract_from_the_gateway_is_answered() -> None:
    answer = client().post("/greet", json={"name": "you"}, headers=signed())

    assert (answer.status_code, answer.json()) == (200, {"text": "t greets you"})
    assert answer.headers["x-request-id"]


def test_a_stream_is_answered_in_lines() -> None:
    answer = client().post("/spell", json={"name": "me"}, headers=signed())

    assert answer.text == '{"text":"m"}\n{"text":"e"}\n'


def test_a_stream_that_is_refused_has_a_status() -> None:
    answer = client().post("/spell", json={"name": "nobody"}, headers=signed())

    assert answer.status_code == 404


def test_a_stream_that_breaks_ends_with_the_problem() -> None:
    answer = client().post("/spell", json={"name": "a?"}, headers=signed())

    first, last = answer.text.splitlines()
    assert (first, "no such letter" in last) == ('{"text":"a"}', True)


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
