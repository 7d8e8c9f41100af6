"""A key without S3 cannot have the platform read a bucket for it, at either door."""

import httpx
import pytest

from tests.support.platform import Platform
from tests.wire.knowledge import Knowledge, s3_configuration, unique


def test_no_door_ingests_a_bucket_that_the_key_may_not_read(platform: Platform) -> None:
    tenant = unique("escape")
    owned = Knowledge.create(platform, platform.keys(tenant))
    scopes = ("bedrock-agent:*", "bedrock-agent-runtime:*", "rest:*")
    thief = platform.keys(tenant, *(part for scope in scopes for part in ("--scope", scope)))
    agent = platform.boto3("bedrock-agent", thief)
    base, source = owned.id, owned.source
    where = s3_configuration(owned.bucket)

    with pytest.raises(agent.exceptions.AccessDeniedException):
        agent.create_data_source(
            knowledgeBaseId=base, name=unique("ds"), dataSourceConfiguration=where
        )
    with pytest.raises(agent.exceptions.AccessDeniedException):
        agent.start_ingestion_job(**owned.scope)
    at = f"{platform.url}/api/v1/search/knowledge-bases/{base}/data-sources"
    spec = {"name": unique("ds"), "source": {"type": "S3", "bucket": owned.bucket}}
    headers = platform.rest(thief)
    assert httpx.get(at, headers=headers).status_code == 200
    assert httpx.post(at, headers=headers, json=spec).status_code == 403
    assert httpx.put(f"{at}/{source}", headers=headers, json=spec).status_code == 403
    assert httpx.post(f"{at}/{source}/ingestions", headers=headers, json={}).status_code == 403
