"""The first minutes of a new user: a key that works, a bucket, an embedding, a page."""

import urllib.request

from tests.support.platform import Platform


def test_boto3_knows_who_it_is(platform: Platform) -> None:
    identity = platform.boto3("sts").get_caller_identity()
    assert identity["Account"].isdigit()


def test_openai_embeds(platform: Platform) -> None:
    made = platform.openai().embeddings.create(model="all-minilm-l6-v2", input=["a cat", "a dog"])
    assert [len(one.embedding) for one in made.data] == [384, 384]


def test_the_docs_page_needs_no_key_and_no_network(platform: Platform) -> None:
    page = urllib.request.urlopen(f"{platform.url}/docs").read().decode()
    assert "swagger-ui-bundle.js" in page
    assert "https://" not in page
