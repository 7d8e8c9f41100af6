"""/metrics tells of requests, tokens and jobs, and of no tenant."""

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.support.platform import Platform
from tests.wire.knowledge import Knowledge, unique

Series = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def scraped(platform: Platform) -> Series:
    text = httpx.get(f"{platform.url}/metrics").text
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name.startswith("undercroft_")
    }


def test_work_is_counted_by_its_kind(platform: Platform) -> None:
    tenant = unique("counted")
    who = platform.keys(tenant)
    before = scraped(platform)
    knowledge = Knowledge.create(platform, who)
    knowledge.put("a.txt", "The bridge of Alder is made of oak.")
    knowledge.sync()
    platform.openai(who).embeddings.create(model="text-embedding-3-small", input="oak")
    httpx.get(f"{platform.url}/api/v1/whoami")
    after = scraped(platform)

    def grown(name: str, **labels: str) -> float:
        key = (name, tuple(sorted(labels.items())))
        return after.get(key, 0) - before.get(key, 0)

    assert grown("undercroft_requests_total", door="aws", status="200") > 3
    assert grown("undercroft_requests_total", door="rest", status="401") == 1
    assert grown("undercroft_request_seconds_count", door="openai") == 1
    operation = "bedrock-agent:CreateKnowledgeBase"
    assert grown("undercroft_operations_total", operation=operation, outcome="ok") == 1
    assert (
        grown(
            "undercroft_tokens_total",
            model="sentence-transformers.all-minilm-l6-v2",
            direction="in",
        )
        > 0
    )
    assert grown("undercroft_job_attempts_total", kind="ingestion", outcome="succeeded") == 1
    assert ("undercroft_jobs_dead_total", ()) in after
    assert ("undercroft_jobs_taken_back_total", ()) in after
    names = {value for _, labels in after for _, value in labels}
    assert not names & {tenant, knowledge.id, who.access_key_id}
