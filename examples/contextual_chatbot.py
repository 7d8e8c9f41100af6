"""Mirrors the post on a contextual chatbot with knowledge bases.

Three letters to the owners of a firm, one each as Markdown, text and PDF. Questions that follow
each other in one session, so that "and in 2021?" is understood; the last answer comes as a stream.
With a question of your own as an argument it asks that and nothing else.

    source .undercroft/client.env
    .venv/bin/python examples/contextual_chatbot.py
"""

import sys
from typing import Any

from support import CLAUDE, DATA, Base, console, knowledge_base, runtime, show_answer

QUESTIONS = (
    "What is Ferrow doing in the field of machine learning?",
    "By what percentage did the service business grow in 2022?",
    "How many days a week has Ferrow asked staff to come to the office?",
    "Compared to the Lynx2 sensor, how much less power does the Lynx3 need?",
    "In what year did annual revenue increase from $24.5M to $51.4M?",
    "Tell me again, what was the revenue in 2019?",
    "and, 2021?",
    "And remind me when the first sensor chip was launched?",
    "Who won the football match on Sunday?",
)
STREAMED = "Where is the office of the person who leads the work on models?"


def main() -> None:
    letters = {f"dataset/{path.name}": path.read_bytes() for path in (DATA / "letters").iterdir()}
    with knowledge_base("letters", letters) as base:
        session = None
        for question in sys.argv[1:] or QUESTIONS:
            session = ask(base, question, session)
        if not sys.argv[1:]:
            stream(base, STREAMED, session)


def ask(base: Base, question: str, session: str | None) -> str:
    """The first answer gives a session id; sent back, it makes the next question a follow-up."""
    response = runtime.retrieve_and_generate(**request(base, question, session))
    show_answer(question, response)
    return str(response["sessionId"])


def stream(base: Base, question: str, session: str | None) -> None:
    response = runtime.retrieve_and_generate_stream(**request(base, question, session))
    console.rule(question)
    for event in response["stream"]:
        console.print(event.get("output", {}).get("text", ""), end="")
    same = response["sessionId"] == session
    console.print(f"\n[dim]{'the same session' if same else 'another session'}[/dim]")


def request(base: Base, question: str, session: str | None) -> dict[str, Any]:
    members: dict[str, Any] = {
        "input": {"text": question},
        "retrieveAndGenerateConfiguration": {
            "type": "KNOWLEDGE_BASE",
            "knowledgeBaseConfiguration": {"knowledgeBaseId": base.id, "modelArn": CLAUDE},
        },
    }
    return members | ({"sessionId": session} if session else {})


if __name__ == "__main__":
    main()
