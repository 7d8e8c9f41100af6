"""Mirrors the post on metadata filtering in knowledge bases.

Eight games, each a CSV file with a `.metadata.json` beside it, and one query under several filters:
by genre, by genre and year, by either of those or a high score, and by the folder of a publisher.

    source .undercroft/client.env
    .venv/bin/python examples/knowledge_base_metadata_filtering.py
"""

import csv
import io
import json
from collections.abc import Mapping
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from support import CLAUDE, DATA, Base, console, knowledge_base, runtime, show_answer

QUERY = "A strategy game with cool graphics released from 2023 on"
STRATEGY = {"equals": {"key": "genres", "value": "Strategy"}}
RECENT = {"greaterThanOrEquals": {"key": "year", "value": 2023}}
PRAISED = {"greaterThanOrEquals": {"key": "score", "value": 9}}


def main() -> None:
    objects = dict(pair for game in games() for pair in files(game).items())
    with knowledge_base("games", objects, {"chunkingStrategy": "NONE"}) as base:
        publisher = f"s3://{base.bucket}/video_game/neo_tokyo_games/"
        filters: dict[str, dict[str, Any] | None] = {
            "no filter": None,
            "genres = Strategy": STRATEGY,
            "genres = Strategy and year >= 2023": {"andAll": [STRATEGY, RECENT]},
            "(those) or score >= 9": {"orAll": [{"andAll": [STRATEGY, RECENT]}, PRAISED]},
            "in the folder of Neo Tokyo Games": {
                "startsWith": {"key": "x-amz-bedrock-kb-source-uri", "value": publisher}
            },
        }
        console.print(f"\n“{QUERY}”\n")
        for name, condition in filters.items():
            console.print(shown(name, retrieve(base, condition)))
        console.rule("Answers: what a filter hides cannot be quoted")
        for name in ("genres = Strategy", "genres = Strategy and year >= 2023"):
            console.print(name)
            answer(base, "Which game is about a medieval siege?", filters[name])


def games() -> list[dict[str, str]]:
    return list(csv.DictReader((DATA / "games.csv").read_text().splitlines()))


def files(game: Mapping[str, str]) -> dict[str, bytes]:
    """The game's own CSV and its metadata, where numbers are numbers."""
    text = io.StringIO()
    writer = csv.DictWriter(text, game)
    writer.writeheader()
    writer.writerow(game)
    key = f"video_game/{game['publisher'].lower().replace(' ', '_')}/{game['id']}.csv"
    attributes = {
        "id": int(game["id"]),
        "title": game["title"],
        "genres": game["genres"],
        "year": int(game["year"]),
        "publisher": game["publisher"],
        "score": float(game["score"]),
    }
    sidecar = json.dumps({"metadataAttributes": attributes})
    return {key: text.getvalue().encode(), f"{key}.metadata.json": sidecar.encode()}


def retrieve(base: Base, condition: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    search: dict[str, Any] = {"numberOfResults": 5}
    if condition:
        search["filter"] = condition
    found: list[dict[str, Any]] = runtime.retrieve(
        knowledgeBaseId=base.id,
        retrievalQuery={"text": QUERY},
        retrievalConfiguration={"vectorSearchConfiguration": search},
    )["retrievalResults"]
    return found


def shown(name: str, results: list[dict[str, Any]]) -> Table:
    met = sum(one["metadata"]["genres"] == "Strategy" for one in results if is_recent(one))
    table = Table(title=name, title_justify="left", caption_justify="left", box=SIMPLE_HEAD)
    table.caption = f"{met}/{len(results)} are strategy games from 2023 on"
    for column in ("title", "genre", "year", "publisher", "score"):
        table.add_column(column)
    for result in results:
        told = result["metadata"]
        row = (told["title"], told["genres"], f"{told['year']:.0f}", told["publisher"])
        table.add_row(*row, f"{told['score']}")
    return table


def is_recent(result: Mapping[str, Any]) -> bool:
    return bool(result["metadata"]["year"] >= 2023)


def answer(base: Base, question: str, condition: Mapping[str, Any] | None) -> None:
    response = runtime.retrieve_and_generate(
        input={"text": question},
        retrieveAndGenerateConfiguration={
            "type": "KNOWLEDGE_BASE",
            "knowledgeBaseConfiguration": {
                "knowledgeBaseId": base.id,
                "modelArn": CLAUDE,
                "retrievalConfiguration": {"vectorSearchConfiguration": {"filter": condition}},
            },
        },
    )
    show_answer(question, response)


if __name__ == "__main__":
    main()
