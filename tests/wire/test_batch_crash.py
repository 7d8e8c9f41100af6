"""A platform that is killed in the middle of a batch goes on where it was: no line is lost, none
is in the output twice."""

from pathlib import Path

import pytest

from tests.contract.capable_server import capable_server
from tests.support.platform import started_platform
from tests.wire.openai_lines import answered, chat, ended, rows, start
from tests.wire.openai_models import served

LINES = 400
AT_ONCE = 32


@pytest.mark.timeout(180)
def test_a_killed_batch_has_each_line_once(tmp_path: Path) -> None:
    names = [f"r{n}" for n in range(LINES)]
    with capable_server() as server:
        with started_platform(tmp_path, env=served(server)) as (process, platform):
            batch = start(platform.openai(), [chat(name, f"wait 0.2 {name}") for name in names])
            answered(platform.openai(), batch, 50)
            process.kill()
        asked_before = sum(server.told.values())
        assert 50 <= asked_before < LINES
        with started_platform(tmp_path, env=served(server)) as (process, platform):
            answered(platform.openai(), batch, 150)
            process.kill()
        with started_platform(tmp_path, env=served(server)) as (_, platform):
            client = platform.openai()
            done = ended(client, batch, patience=60)
            assert done.status == "completed"
            assert done.request_counts is not None
            assert (done.request_counts.completed, done.request_counts.failed) == (LINES, 0)
            assert [row["custom_id"] for row in rows(client, done.output_file_id)] == names
            assert len(client.files.list(purpose="batch_output").data) == 1
    assert len(server.told) == LINES
    asked_again = sum(server.told.values()) - LINES
    assert asked_again <= 2 * 3 * AT_ONCE, "more was asked again than was under way"
