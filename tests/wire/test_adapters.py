"""Adapters over REST, as a tenant registers, names, grants and deletes them."""

import http.client
import os
import shutil
import time
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import openai
import pytest
from botocore.exceptions import ClientError

from kit.catalogue import DEFAULT_FOLDER
from tests.support.platform import Credentials, Platform, running_platform
from tests.unit.services.generation.adapters.making import adapter, archive, tar_gz
from tests.unit.services.generation.adapters.world import catalogue_with

BASE = "llama"
OTHERS = "f" * 64


USER = [{"role": "user", "content": [{"text": "Hello"}]}]
ASKS: dict[str, Callable[[Platform, Credentials, str], object]] = {
    "Converse": lambda platform, who, arn: platform.boto3("bedrock-runtime", who).converse(
        modelId=arn, messages=USER
    ),
    "ConverseStream": lambda platform, who, arn: platform.boto3(
        "bedrock-runtime", who
    ).converse_stream(modelId=arn, messages=USER),
    "InvokeModel": lambda platform, who, arn: platform.boto3("bedrock-runtime", who).invoke_model(
        modelId=arn, body='{"prompt": "Hello"}'
    ),
    "CountTokens": lambda platform, who, arn: platform.boto3("bedrock-runtime", who).count_tokens(
        modelId=arn, input={"converse": {"messages": USER}}
    ),
    "GetCustomModel": lambda platform, who, arn: platform.boto3("bedrock", who).get_custom_model(
        modelIdentifier=arn
    ),
    "CreateModelInvocationJob": lambda platform, who, arn: platform.boto3(
        "bedrock", who
    ).create_model_invocation_job(
        jobName="nightly",
        roleArn="arn:aws:iam::123456789012:role/batches",
        modelId=arn.replace("custom-model", "application-inference-profile"),
        inputDataConfig={"s3InputDataConfig": {"s3Uri": "s3://batches/in"}},
        outputDataConfig={"s3OutputDataConfig": {"s3Uri": "s3://batches/out/"}},
    ),
    "RetrieveAndGenerate": lambda platform, who, arn: platform.boto3(
        "bedrock-agent-runtime", who
    ).retrieve_and_generate(
        input={"text": "Hello?"},
        retrieveAndGenerateConfiguration={
            "type": "KNOWLEDGE_BASE",
            "knowledgeBaseConfiguration": {"knowledgeBaseId": "ABSENT0000", "modelArn": arn},
        },
    ),
}


class Rest:
    """One tenant's calls to /api/v1/adapters."""

    def __init__(self, platform: Platform, who: Credentials) -> None:
        self._url = f"{platform.url}/api/v1/adapters"
        self._headers = platform.rest(who)
        self.account = httpx.get(f"{platform.url}/api/v1/whoami", headers=self._headers).json()[
            "account"
        ]

    def ask(self, method: str, path: str = "", **more: Any) -> httpx.Response:
        headers = {**self._headers, **more.pop("headers", {})}
        return httpx.request(method, self._url + path, headers=headers, timeout=60, **more)

    def upload(self, data: bytes, name: str | None = None, base: str = BASE) -> httpx.Response:
        query = {"base": base, **({"name": name} if name else {})}
        return self.ask("POST", "/upload", params=query, content=data)

    def ready(self, data: bytes, name: str | None = None) -> dict[str, Any]:
        made = self.upload(data, name)
        assert made.status_code == 202, made.text
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.ask("GET", f"/{made.json()['digest']}").json()
            if found["state"] != "checking":
                return found
            time.sleep(0.1)
        raise AssertionError(found)


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """One with a base model whose weights are here, and which no server runs."""
    folder = tmp_path_factory.mktemp("adapters")
    files = catalogue_with(folder, "llama")
    for file in DEFAULT_FOLDER.glob("*.yaml"):
        shutil.copy(file, files)
    with running_platform(folder / "data", env={"GENERATION_MODELS": str(files)}) as running:
        yield running


@pytest.fixture(scope="module")
def tenant(platform: Platform) -> Callable[[str], Rest]:
    return lambda name: Rest(platform, platform.keys(name))


@pytest.fixture(scope="module")
def anna(tenant: Callable[[str], Rest]) -> Rest:
    return tenant("adapters-anna")


@pytest.fixture(scope="module")
def bert(tenant: Callable[[str], Rest]) -> Rest:
    return tenant("adapters-bert")


def test_an_upload_becomes_an_adapter_whose_record_tells_what_was_not_checked(anna: Rest) -> None:
    made = anna.ready(archive(("es", adapter())), "uploaded")
    assert (made["state"], made["source"], made["owned"]) == ("ready", "upload", True)
    outcomes = {check["name"]: check["outcome"] for check in made["checks"]}
    assert outcomes == {
        "rank": "passed",
        "shapes": "passed",
        "values": "passed",
        "parity": "skipped",
    }
    assert [one["name"] for one in made["names"]] == ["uploaded"]


def test_a_form_is_an_upload_too(anna: Rest) -> None:
    file = {"file": ("adapter.tar.gz", archive(("es", adapter(seed=7))), "application/gzip")}
    made = anna.ask("POST", "/upload", params={"base": BASE}, files=file)
    assert made.status_code == 202, made.text
    wrong = anna.ask("POST", "/upload", params={"base": BASE}, files={"other": b"x"})
    assert (wrong.status_code, wrong.json()["param"]) == (400, "file")


def test_an_upload_may_be_larger_than_other_bodies(anna: Rest) -> None:
    padding = {"es/notes.txt": os.urandom(36 << 20)}
    files = {f"es/{name}": data for name, data in adapter(seed=8).items()}
    made = anna.upload(tar_gz({**files, **padding}))
    assert made.status_code == 202, made.text


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "no .tar.gz, .tar or .zip"),
        (tar_gz({"es/adapter_model.bin": b"\x80\x04."}), "pickle"),
        (tar_gz({"../es/adapter_config.json": b"{}"}), "'..'"),
        (archive(("es", {**adapter(), "adapter_config.json": b"[]"})), "no JSON object"),
    ],
    ids=["empty", "pickle", "leaves", "configuration"],
)
def test_what_cannot_be_an_adapter_is_refused_at_upload(
    anna: Rest, data: bytes, reason: str
) -> None:
    refused = anna.upload(data)
    assert refused.status_code == 400
    assert reason in refused.json()["detail"]


def test_an_unknown_base_model_is_not_found(anna: Rest) -> None:
    assert anna.upload(archive(("es", adapter())), base="nobody/has-it").status_code == 404


def test_an_upload_for_an_unknown_base_is_refused_before_its_bytes_come(anna: Rest) -> None:
    place = urlsplit(anna._url)
    connection = http.client.HTTPConnection(place.netloc, timeout=10)
    connection.putrequest("POST", f"{place.path}/upload?base=nobody/has-it")
    for name, value in {**anna._headers, "content-length": str(1 << 30)}.items():
        connection.putheader(name, value)
    connection.endheaders()
    assert connection.getresponse().status == 404
    connection.close()


def test_a_name_moves_and_goes_back(anna: Rest) -> None:
    first = anna.ready(archive(("es", adapter(seed=11))), "moving")["digest"]
    second = anna.ready(archive(("es", adapter(seed=12))))["digest"]
    moved = anna.ask("PUT", "/aliases/moving", json={"digest": second}).json()
    assert (moved["digest"], moved["version"]) == (second, 2)
    back = anna.ask("POST", "/aliases/moving/rollback", json={}).json()
    assert (back["digest"], back["version"]) == (first, 3)
    history = anna.ask("GET", "/aliases/moving/history").json()["items"]
    assert [move["digest"] for move in history] == [first, second, first]
    assert anna.ask("DELETE", "/aliases/moving").status_code == 204
    names = [one["name"] for one in anna.ask("GET", "/aliases").json()["items"]]
    assert "moving" not in names


def test_every_door_knows_an_adapter_by_its_names_and_by_those_that_pin_it(
    platform: Platform,
) -> None:
    who = platform.keys("adapters-pinned")
    digest = Rest(platform, who).ready(archive(("es", adapter(seed=19))), "pinned")["digest"]
    bedrock = platform.boto3("bedrock", who)
    for name in ("pinned", f"pinned@sha256:{digest}"):
        assert platform.openai(who).models.retrieve(name).to_dict()["parent"] == f"test.{BASE}"
        assert bedrock.get_custom_model(modelIdentifier=name)["baseModelArn"].endswith(BASE)
    with pytest.raises(openai.NotFoundError):
        platform.openai(who).models.retrieve(f"pinned@sha256:{OTHERS}")


@pytest.mark.parametrize("ask", ASKS, ids=str)
def test_an_arn_of_another_account_leads_to_none_of_the_callers_adapters(
    platform: Platform, ask: str
) -> None:
    """Though the caller has one of that name, it is answered as a name that nobody has."""
    who = platform.keys("adapters-arns")
    rest = Rest(platform, who)
    rest.ready(archive(("es", adapter(seed=71))), "mine")

    def answered(account: str, name: str) -> tuple[str, str]:
        arn = f"arn:aws:bedrock:us-east-1:{account}:custom-model/{name}"
        try:
            ASKS[ask](platform, who, arn)
        except ClientError as error:
            told = error.response["Error"]
            return told["Code"], told["Message"].replace(name, "NAME")
        return "", ""

    absent = answered(rest.account, "absent")
    assert absent[0] in ("ResourceNotFoundException", "ValidationException")
    assert answered("9" * 12, "mine") == absent
    assert answered(rest.account, "mine") != absent
    assert answered("", "mine") != absent


def test_a_grant_opens_an_adapter_to_one_tenant(
    anna: Rest, bert: Rest, tenant: Callable[[str], Rest]
) -> None:
    digest = anna.ready(archive(("es", adapter(seed=21))))["digest"]
    clara = tenant("adapters-clara")
    assert bert.ask("GET", f"/{digest}").status_code == 404
    granted = anna.ask("PUT", f"/{digest}/grants/{bert.account}")
    assert granted.json()["accounts"] == [bert.account]
    assert bert.ask("GET", f"/{digest}").json()["owned"] is False
    assert bert.ask("PUT", "/aliases/hers", json={"digest": digest}).status_code == 200
    assert clara.ask("GET", f"/{digest}").status_code == 404
    assert anna.ask("DELETE", f"/{digest}/grants/{bert.account}").json()["accounts"] == []
    assert bert.ask("GET", f"/{digest}").status_code == 404


def test_an_owner_keeps_an_adapter_loaded(anna: Rest) -> None:
    digest = anna.ready(archive(("es", adapter(seed=61))))["digest"]
    assert anna.ask("PUT", f"/{digest}/pin").json()["pinned"] is True
    assert anna.ask("GET", "/quota").json()["pins_used"] == 1
    assert anna.ask("DELETE", f"/{digest}/pin").json()["pinned"] is False


def test_a_foreign_adapter_answers_as_an_absent_one_byte_for_byte(anna: Rest, bert: Rest) -> None:
    digest = anna.ready(archive(("es", adapter(seed=31))))["digest"]
    account = "9" * 12
    for method, path, body in (
        ("GET", "/{}", None),
        ("DELETE", "/{}", None),
        ("GET", "/{}/grants", None),
        ("PUT", "/{}/grants/" + account, None),
        ("PUT", "/{}/pin", None),
        ("PUT", "/aliases/x", "{}"),
    ):
        answers = []
        for one in (digest, OTHERS):
            more = {} if body is None else {"json": {"digest": one}}
            answer = bert.ask(method, path.format(one), **more)
            told = {**answer.json(), "request_id": ""}
            answers.append((answer.status_code, str(told).replace(one, "DIGEST")))
        assert answers[0] == answers[1]
        assert answers[0][0] == 404


def test_a_deleted_adapter_is_gone_with_its_names(anna: Rest) -> None:
    digest = anna.ready(archive(("es", adapter(seed=41))), "leaving")["digest"]
    assert anna.ask("DELETE", f"/{digest}").status_code == 204
    assert anna.ask("GET", f"/{digest}").status_code == 404
    assert anna.ask("GET", "/aliases/leaving/history").status_code == 200
    again = anna.ask("POST", "/aliases/leaving/rollback", json={})
    assert again.status_code == 404


@pytest.mark.parametrize("digest", ["..%2f..%2fetc", "abc", "A" * 64, "0" * 63, "sha256:" + OTHERS])
def test_a_digest_is_64_lower_case_hex_digits(anna: Rest, digest: str) -> None:
    assert anna.ask("GET", f"/{digest}").status_code in (400, 404)
    assert anna.ask("DELETE", f"/{digest}").status_code in (400, 404)


def test_a_key_does_only_what_its_scopes_allow(platform: Platform) -> None:
    narrow = Rest.__new__(Rest)
    keys = platform.keys("adapters-narrow", "--scope", "rest:list_adapters")
    narrow._url, narrow._headers = f"{platform.url}/api/v1/adapters", platform.rest(keys)
    assert narrow.ask("GET").status_code == 200
    assert narrow.upload(archive(("es", adapter()))).status_code == 403


def test_the_audit_log_tells_what_became_of_an_adapter(platform: Platform) -> None:
    keys = platform.keys("adapters-audited")
    dora = Rest(platform, keys)
    digest = dora.ready(archive(("es", adapter(seed=51))), "watched")["digest"]
    dora.ask("DELETE", f"/{digest}")
    query = {"operation": "generation:"}
    url = f"{platform.url}/api/v1/audit"
    found = httpx.get(url, params=query, headers=platform.rest(keys)).json()["items"]
    assert [(one["operation"], one["resource"]) for one in found] == [
        (f"generation:{what}Adapter", f"adapter/sha256:{digest}")
        for what in ("Register", "Admit", "Delete")
    ]
