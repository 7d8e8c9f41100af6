from typing import Any

import pytest

from kit.errors import InvalidRequest
from services.search.service.chunking.strategy import (
    DEFAULT,
    FixedSize,
    Hierarchical,
    Semantic,
    Whole,
    parse_strategy,
)


def fixed(tokens: Any, overlap: Any) -> dict[str, Any]:
    inner = {"maxTokens": tokens, "overlapPercentage": overlap}
    return {"chunkingStrategy": "FIXED_SIZE", "fixedSizeChunkingConfiguration": inner}


def levels(*tokens: Any, overlap: Any = 5) -> dict[str, Any]:
    inner = {"levelConfigurations": [{"maxTokens": n} for n in tokens], "overlapTokens": overlap}
    return {"chunkingStrategy": "HIERARCHICAL", "hierarchicalChunkingConfiguration": inner}


def semantic(tokens: Any, buffer: Any, percentile: Any) -> dict[str, Any]:
    inner = {
        "maxTokens": tokens,
        "bufferSize": buffer,
        "breakpointPercentileThreshold": percentile,
    }
    return {"chunkingStrategy": "SEMANTIC", "semanticChunkingConfiguration": inner}


def test_bedrocks_configurations_are_read() -> None:
    assert parse_strategy(None) == parse_strategy({}) == DEFAULT
    assert parse_strategy({"chunkingStrategy": "NONE"}) == Whole()
    assert parse_strategy(fixed(512, 20)) == FixedSize(512, 20)
    assert FixedSize(512, 20).overlap_tokens == 102
    assert parse_strategy(levels(1500, 300, overlap=60)) == Hierarchical(1500, 300, 60)
    assert parse_strategy(semantic(300, 0, 95)) == Semantic(300, 0, 95)


@pytest.mark.parametrize(
    ("configuration", "member"),
    [
        ({"chunkingStrategy": "SMART"}, "chunkingStrategy"),
        ({"fixedSizeChunkingConfiguration": {}}, "chunkingStrategy"),
        ({"chunkingStrategy": "FIXED_SIZE"}, "fixedSizeChunkingConfiguration"),
        (fixed(0, 20), "maxTokens"),
        (fixed(8193, 20), "maxTokens"),
        (fixed(True, 20), "maxTokens"),
        (fixed("300", 20), "maxTokens"),
        (fixed(300, 0), "overlapPercentage"),
        (fixed(300, 100), "overlapPercentage"),
        (fixed(300, None), "overlapPercentage"),
        (levels(1500), "levelConfigurations"),
        (levels(1500, 300, 30), "levelConfigurations"),
        (levels(1500, 0), "levelConfigurations[1].maxTokens"),
        (levels(300, 1500), "levelConfigurations[1].maxTokens"),
        (levels(1500, 300, overlap=0), "overlapTokens"),
        (levels(1500, 300, overlap=300), "overlapTokens"),
        (semantic(0, 0, 95), "maxTokens"),
        (semantic(300, 2, 95), "bufferSize"),
        (semantic(300, 0, 49), "breakpointPercentileThreshold"),
        (semantic(300, 0, 100), "breakpointPercentileThreshold"),
    ],
)
def test_a_value_out_of_range_is_refused_by_its_members_name(
    configuration: dict[str, Any], member: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_strategy(configuration)
    assert refused.value.param is not None
    assert refused.value.param.endswith(member)
