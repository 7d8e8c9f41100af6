"""Files through the openai package: kept, listed, read back, deleted, and out of others' sight."""

import io
import time

import botocore.exceptions
import httpx
import openai
import pytest

from tests.support.platform import Platform

LINES = b'{"custom_id": "a"}\n'


@pytest.fixture(scope="module")
def client(platform: Platform) -> openai.OpenAI:
    return platform.openai(platform.keys("files"))


def test_a_file_comes_back_as_it_was_given(client: openai.OpenAI) -> None:
    body = LINES * 100_000
    made = client.files.create(file=("many.jsonl", body), purpose="batch")
    assert (made.bytes, made.filename, made.purpose) == (len(body), "many.jsonl", "batch")
    assert made.status == "processed"
    assert made.expires_at is not None
    assert abs(made.expires_at - time.time() - 30 * 86_400) < 120
    assert client.files.content(made.id).read() == body
    assert client.files.retrieve(made.id) == made


def test_a_deleted_file_is_gone(client: openai.OpenAI) -> None:
    made = client.files.create(file=io.BytesIO(LINES), purpose="user_data")
    assert made.expires_at is None
    assert client.files.delete(made.id).deleted
    for again in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError):
            again(made.id)


def test_files_are_listed_in_pages(platform: Platform) -> None:
    client = platform.openai(platform.keys("files-pages"))
    made = [client.files.create(file=(f"{n}", LINES), purpose="batch").id for n in range(5)]
    other = client.files.create(file=("o", LINES), purpose="vision").id
    first = client.files.list(limit=2, order="asc", purpose="batch")
    assert [one.id for one in first.data] == made[:2]
    assert first.has_more
    assert [one.id for one in first] == made
    assert [one.id for one in client.files.list()] == [other, *reversed(made)]


def test_a_life_of_its_own_is_kept_and_bad_ones_are_refused(client: openai.OpenAI) -> None:
    after = {"anchor": "created_at", "seconds": 3600}
    made = client.files.create(file=("f", LINES), purpose="batch", expires_after=after)
    assert made.expires_at == pytest.approx(made.created_at + 3600, abs=1)
    with pytest.raises(openai.BadRequestError) as raised:
        client.files.create(
            file=("f", LINES), purpose="batch", expires_after={**after, "seconds": 5}
        )
    assert raised.value.param == "expires_after.seconds"
    with pytest.raises(openai.BadRequestError) as raised:
        client.files.create(file=("f", LINES), purpose="poetry")  # type: ignore[arg-type]
    assert raised.value.param == "purpose"


def test_a_file_may_come_before_its_purpose(platform: Platform) -> None:
    form = (
        b'--X\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\nabc\r\n'
        b'--X\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--X--\r\n'
    )
    headers = platform.rest() | {"content-type": "multipart/form-data; boundary=X"}
    made = httpx.post(f"{platform.url}/v1/files", content=form, headers=headers)
    assert (made.status_code, made.json()["bytes"]) == (200, 3)


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        ("application/json", b"{}"),
        ("multipart/form-data", b"--X--"),
        ("multipart/form-data; boundary=X", b""),
        ("multipart/form-data; boundary=X", b"--Y\r\n\r\nabc"),
        ("multipart/form-data; boundary=X", b"--X\r\nContent-Disposition: form-data; na"),
        ("multipart/form-data; boundary=X", b"--X\r\n" + b"a" * 20_000 + b": b\r\n\r\n"),
        (
            "multipart/form-data; boundary=X",
            b'--X\r\nContent-Disposition: form-data; name="purpose"\r\n\r\nbatch\r\n--X--\r\n',
        ),
    ],
)
def test_a_broken_form_is_refused_and_leaves_nothing(
    platform: Platform, content_type: str, body: bytes
) -> None:
    keys = platform.keys("files-broken")
    headers = platform.rest(keys) | {"content-type": content_type}
    answer = httpx.post(f"{platform.url}/v1/files", content=body, headers=headers)
    assert 400 <= answer.status_code < 500
    assert answer.json()["error"]["type"] == "invalid_request_error"
    assert platform.openai(keys).files.list().data == []


def test_a_batch_s_file_without_a_byte_is_refused_and_leaves_nothing(platform: Platform) -> None:
    client = platform.openai(platform.keys("files-empty"))
    with pytest.raises(openai.BadRequestError) as refused:
        client.files.create(file=("empty.jsonl", b""), purpose="batch")
    assert refused.value.param == "file"
    assert client.files.list().data == []


def test_another_tenants_file_is_as_absent(platform: Platform, client: openai.OpenAI) -> None:
    made = client.files.create(file=("f", LINES), purpose="batch")
    stranger = platform.openai(platform.keys("stranger"))
    with pytest.raises(openai.NotFoundError) as theirs:
        stranger.files.retrieve(made.id)
    with pytest.raises(openai.NotFoundError) as nobodys:
        stranger.files.retrieve("file-absent")
    assert theirs.value.message.replace(made.id, "file-absent") == nobodys.value.message
    assert made.id not in [one.id for one in stranger.files.list()]


def test_s3_does_not_see_where_the_bytes_lie(platform: Platform) -> None:
    keys = platform.keys("files-s3")
    made = platform.openai(keys).files.create(file=("f", LINES), purpose="batch")
    s3 = platform.boto3("s3", keys)
    s3.create_bucket(Bucket="own-bucket")
    assert [one["Name"] for one in s3.list_buckets()["Buckets"]] == ["own-bucket"]
    with pytest.raises(botocore.exceptions.ClientError, match="NoSuchBucket"):
        s3.copy_object(Bucket="own-bucket", Key="k", CopySource=f".files/{made.id}")
