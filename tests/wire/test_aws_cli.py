"""The AWS CLI against the running platform, with nothing but its client.env."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.support.platform import Platform
from tests.wire.knowledge import Knowledge

AWS = Path(sys.executable).parent / "aws"


def aws(platform: Platform, *arguments: str) -> str:
    environment = {**os.environ, **platform.environment(), "AWS_EC2_METADATA_DISABLED": "true"}
    done = subprocess.run(
        [sys.executable, str(AWS), *arguments], capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_cli_lists_a_bucket_and_retrieves_from_it(platform: Platform) -> None:
    knowledge = Knowledge.create(platform)
    knowledge.put("towns/oak.txt", "The bridge of Alder is made of oak.")
    knowledge.sync()
    assert knowledge.bucket in aws(platform, "s3", "ls")
    assert "oak.txt" in aws(platform, "s3", "ls", f"s3://{knowledge.bucket}/towns/")
    found: dict[str, Any] = json.loads(
        aws(
            platform,
            "bedrock-agent-runtime",
            "retrieve",
            "--knowledge-base-id",
            knowledge.id,
            "--retrieval-query",
            "text=bridge",
            "--output",
            "json",
        )
    )
    assert found["retrievalResults"][0]["content"]["text"] == "The bridge of Alder is made of oak."
