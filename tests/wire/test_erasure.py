"""One person's rows leave the source, it is synced, and nothing of that person is left."""

import sqlite3
from pathlib import Path

import pytest

from tests.support.platform import Credentials, Platform
from tests.wire.knowledge import BY_ROW, Knowledge, unique

ART = "art@venere.example,Art Venere of Bridgeport leads the zinc foundry.,Bridgeport\n"
LENNA = "lenna@paprocki.example,Lenna Paprocki of Anchorage repairs seaplanes.,Anchorage\n"
HEAD = "email,about,city\n"
QUESTION = "What does Art Venere lead?"
ABOUT_ART = (b"venere", b"Venere", b"zinc foundry", b"Bridgeport")


@pytest.fixture(scope="module")
def tenant() -> str:
    return unique("erasing")


@pytest.fixture(scope="module")
def who(platform: Platform, tenant: str) -> Credentials:
    return platform.keys(tenant)


@pytest.fixture
def people(platform: Platform, who: Credentials) -> Knowledge:
    knowledge = Knowledge.create(platform, who)
    knowledge.put(
        "people.csv",
        HEAD + ART + LENNA,
        documentStructureConfiguration=BY_ROW,
        metadataAttributes={"kind": "people"},
    )
    knowledge.sync()
    return knowledge


def test_a_person_taken_out_of_the_source_is_gone_everywhere(
    platform: Platform, people: Knowledge, tenant: str
) -> None:
    session = people.ask(QUESTION)["sessionId"]
    assert "zinc foundry" in people.ask("And where is he from?", session)["output"]["text"]
    assert rows_about_art(platform), "the rows are where this test looks for them"
    assert files_about_art(platform.data, "search/index/**/*"), (
        "the index is where this test looks for it"
    )

    people.put("people.csv", HEAD + LENNA)
    assert people.sync()["numberOfModifiedDocumentsIndexed"] == 1

    assert rows_about_art(platform) == []
    assert files_about_art(platform.data, "undercroft.db*") == []
    assert files_about_art(platform.data, "search/index/**/*") == []
    found = people.retrieve(QUESTION, 100)
    assert ["Lenna" in one["content"]["text"] for one in found] == [True]
    email = {"equals": {"key": "email", "value": "art@venere.example"}}
    assert people.retrieve(QUESTION, 100, filter=email) == []
    for asked in (people.ask("Who leads the foundry?"), people.ask("Where is he from?", session)):
        assert "zinc" not in str(asked)
        assert "Bridgeport" not in str(asked)

    audit = platform.run("audit", "list", "--tenant", tenant, "--operation", "search:")
    [replaced] = [line for line in audit.splitlines() if "search:ReplaceDocument" in line]
    assert f"s3://{people.bucket}/people.csv" in replaced
    assert "whole" in platform.run("audit", "verify")


def test_a_document_that_is_removed_takes_its_sessions_along(
    platform: Platform, people: Knowledge
) -> None:
    session = people.ask(QUESTION)["sessionId"]
    people.remove("people.csv")
    assert people.sync()["numberOfDocumentsDeleted"] == 1
    assert rows_about_art(platform) == []
    assert files_about_art(platform.data, "search/index/**/*") == []
    assert "zinc" not in str(people.ask("What does he lead?", session))


def rows_about_art(platform: Platform) -> list[str]:
    """Tables with a value that speaks of the person."""
    database = sqlite3.connect(f"file:{platform.data}/undercroft.db?mode=ro", uri=True)
    try:
        tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
        return [
            table
            for (table,) in tables
            for row in database.execute(f'SELECT * FROM "{table}"')
            if any(word.decode() in str(value) for value in row for word in ABOUT_ART)
        ]
    finally:
        database.close()


def files_about_art(folder: Path, pattern: str = "**/*") -> list[str]:
    return [
        f"{path.relative_to(folder)}: {word!r}"
        for path in folder.glob(pattern)
        if path.is_file()
        for word in ABOUT_ART
        if word in path.read_bytes()
    ]
