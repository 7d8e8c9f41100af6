"""No S3 URI with characters that no database and no log can hold gets into a job."""

import pytest
from pydantic import ValidationError

from contracts.generation.adapters import ObjectSource
from kit.errors import InvalidRequest
from services.search.service.sources import split_s3_uri

BAD = ["s3://bucket/a\x00b", "s3://bucket/a\nb", "s3://buck\x7fet/a"]


@pytest.mark.parametrize("uri", BAD)
def test_an_adapters_source_has_no_control_characters(uri: str) -> None:
    with pytest.raises(ValidationError):
        ObjectSource(uri=uri)


@pytest.mark.parametrize("uri", BAD)
def test_nor_has_a_documents(uri: str) -> None:
    with pytest.raises(InvalidRequest):
        split_s3_uri(uri)


def test_any_other_character_may_stand_in_a_key() -> None:
    assert ObjectSource(uri="s3://bucket/a é//b?").uri == "s3://bucket/a é//b?"
    assert split_s3_uri("s3://bucket/a é//b?") == ("bucket", "a é//b?")
