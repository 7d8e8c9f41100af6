import json
from typing import Any

import pytest

from kit.errors import InvalidRequest
from services.search.ports import RecordStructure
from services.search.service.sidecars import parse_sidecar


def read(content: Any) -> tuple[dict[str, Any], RecordStructure | None]:
    return parse_sidecar(json.dumps(content).encode())


def test_plain_values_keep_their_types() -> None:
    metadata, records = read(
        {"metadataAttributes": {"genre": "legal", "year": 2023, "draft": False, "tags": ["a", "b"]}}
    )
    assert metadata == {"genre": "legal", "year": 2023.0, "draft": False, "tags": ["a", "b"]}
    assert isinstance(metadata["year"], float)
    assert records is None


def test_the_typed_form_means_the_same() -> None:
    def typed(kind: str, member: str, value: Any) -> dict[str, Any]:
        return {"value": {"type": kind, member: value}, "includeForEmbedding": True}

    metadata, _ = read(
        {
            "metadataAttributes": {
                "genre": typed("STRING", "stringValue", "legal"),
                "year": typed("NUMBER", "numberValue", 2023),
                "draft": typed("BOOLEAN", "booleanValue", False),
                "tags": typed("STRING_LIST", "stringListValue", ["a"]),
            }
        }
    )
    assert metadata == {"genre": "legal", "year": 2023.0, "draft": False, "tags": ["a"]}


def structure(**record: Any) -> dict[str, Any]:
    return {
        "documentStructureConfiguration": {
            "type": "RECORD_BASED_STRUCTURE_METADATA",
            "recordBasedStructureMetadata": record,
        }
    }


def test_a_csv_is_read_per_row_as_its_sidecar_asks() -> None:
    asked = structure(
        contentFields=[{"fieldName": "Description"}],
        metadataFieldsSpecification={
            "fieldsToInclude": [{"fieldName": "Year"}, {"fieldName": "Team"}],
            "fieldsToExclude": [{"fieldName": "Id"}],
        },
    )
    _, records = read({"metadataAttributes": {}, **asked})
    assert records == RecordStructure("Description", ("Year", "Team"), ("Id",))
    _, records = read(structure(contentFields=[{"fieldName": "Description"}]))
    assert records == RecordStructure("Description")


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "not valid JSON"),
        (b"\xff\xfe{", "not valid UTF-8"),
        (b"[" * 10_000, "nested too deeply"),
        (b" " * 10_241, "larger than 10 KB"),
        (b"[]", "must be a JSON object"),
        (b"{}", "no metadataAttributes"),
        (b'{"metadataAttributes": []}', "must be an object"),
        (b'{"metadataAttributes": {"a": null}}', "'a' must be a string"),
        (b'{"metadataAttributes": {"a": [1]}}', "'a' must be a string"),
        (b'{"metadataAttributes": {"a": {"b": 1}}}', "'a' must be a string"),
        (b'{"metadataAttributes": {"a": 1, "a": 2}}', "'a' twice"),
        (b'{"metadataAttributes": {"a": NaN}}', "NaN"),
        (b'{"metadataAttributes": {"a": 1e999}}', "too large"),
        (b'{"metadataAttributes": {"a": 1' + b"0" * 400 + b"}}", "too large"),
        (b'{"metadataAttributes": {"a": 1' + b"0" * 5000 + b"}}", "not valid JSON"),
        (b'{"metadataAttributes": {"": 1}}', "1 to 100"),
        (b'{"metadataAttributes": {"' + b"k" * 101 + b'": 1}}', "1 to 100"),
        (b'{"metadataAttributes": {"x-amz-bedrock-kb-source-uri": "s3://x"}}', "reserved"),
        (b'{"metadataAttributes": {"a": {"value": {"type": "DATE"}}}}', "STRING_LIST"),
        (
            b'{"metadataAttributes": {"a": {"value": {"type": "STRING", "stringValue": 1}}}}',
            "wrong stringValue",
        ),
        (
            b'{"metadataAttributes": {"a": {"value": {"type": "NUMBER", "numberValue": true}}}}',
            "wrong numberValue",
        ),
        (
            b'{"metadataAttributes": {"a": {"value": {"type": "STRING", "stringValue": "x"},'
            b' "includeForEmbedding": "yes"}}}',
            "includeForEmbedding",
        ),
        (b'{"documentStructureConfiguration": {"type": "X"}}', "type must be RECORD_BASED"),
        (
            b'{"documentStructureConfiguration": {"type": "RECORD_BASED_STRUCTURE_METADATA"}}',
            "lacks recordBasedStructureMetadata",
        ),
        (json.dumps(structure(contentFields=[])).encode(), "contentFields must be a list"),
        (json.dumps(structure(contentFields=[{"name": "x"}])).encode(), "must have a fieldName"),
        (
            json.dumps(structure(contentFields=[{"fieldName": "a"}, {"fieldName": "b"}])).encode(),
            "exactly one",
        ),
        (
            json.dumps(
                structure(contentFields=[{"fieldName": "a"}], metadataFieldsSpecification=3)
            ).encode(),
            "must be an object",
        ),
    ],
)
def test_a_malformed_sidecar_is_refused_with_its_reason(body: bytes, reason: str) -> None:
    with pytest.raises(InvalidRequest, match=reason):
        parse_sidecar(body)
