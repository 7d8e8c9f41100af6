"""The platform's log tells what happened, and nothing of keys or documents."""

import httpx
import openai
import pytest
from botocore.exceptions import ClientError

from tests.support.platform import Platform
from tests.wire.knowledge import Knowledge, unique

CANARY = "canary-7f3a9c-in-a-document"
QUESTION = "canary-51bd02-in-a-question"


def test_no_key_and_no_text_is_ever_logged(platform: Platform) -> None:
    who = platform.keys(unique("quiet"))
    knowledge = Knowledge.create(platform, who)
    knowledge.put("good.txt", f"The secret word is {CANARY}.", metadataAttributes={"c": CANARY})
    knowledge.put("bad.pdf", f"%PDF-1.4 {CANARY}".encode())
    knowledge.put("bad.json", '{"c": "' + CANARY)
    knowledge.ingest()
    knowledge.retrieve(QUESTION)
    session = knowledge.ask(QUESTION)["sessionId"]
    knowledge.ask(QUESTION, session)
    with pytest.raises(ClientError):
        knowledge.ask(QUESTION, "unknown")
    with pytest.raises(openai.BadRequestError):
        platform.openai(who).post("/embeddings", body={"input": QUESTION}, cast_to=object)
    with pytest.raises(ClientError):
        platform.boto3("bedrock-runtime", who).invoke_model(
            modelId="amazon.titan-embed-text-v1", body=f'{{"input": "{QUESTION}"}}'.encode()
        )
    headers = platform.rest(who)
    httpx.get(f"{platform.url}/api/v1/whoami", params={"q": QUESTION}, headers=headers)
    url = platform.boto3("s3", who).generate_presigned_url(
        "get_object", Params={"Bucket": knowledge.bucket, "Key": "absent"}
    )
    assert httpx.get(url).status_code == 404

    log = (platform.data / "platform.log").read_text()
    for secret in (CANARY, QUESTION, who.bearer, who.secret_access_key, platform.owner.bearer):
        assert secret not in log
    assert "X-Amz-Signature" not in log
    assert "Traceback" not in log
