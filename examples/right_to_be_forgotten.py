"""Mirrors the post on the right to be forgotten with knowledge bases.

A file of customers in a versioned bucket; a question about one of them; then his row is taken out
of the source, older versions of the file are deleted, and the source is synced. After that nothing
knows him: neither answers nor passages, neither the session that spoke of him nor the bucket. The
audit trail says what was done, and quotes none of it.

    source .undercroft/client.env
    .venv/bin/python examples/right_to_be_forgotten.py
"""

import json
import os
import time
import urllib.request
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table
from support import CLAUDE, DATA, Base, console, knowledge_base, runtime, s3, show_answer, sync

PERSON = "art@venero.example"
FOLLOW_UP = "And his company?"  # says something only to who remembers the question before
QUESTION = f"What is the phone number of the customer with the email address {PERSON}?"
KEY = "customers.csv"
CHANGES = ("Put", "DeleteObjects", "StartIngestion", "EndIngestion", "Erase", "Remove")


def main() -> None:
    customers = (DATA / KEY).read_text()
    with knowledge_base("customers", {}) as base:
        s3.put_bucket_versioning(Bucket=base.bucket, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket=base.bucket, Key=KEY, Body=customers)
        sync(base)
        console.rule("Before")
        session = ask(base, QUESTION)
        ask(base, FOLLOW_UP, session)
        tell_traces(base)

        console.rule("Erasure")
        kept = [line for line in customers.splitlines() if PERSON not in line]
        s3.put_object(Bucket=base.bucket, Key=KEY, Body="\n".join(kept))
        console.print(f"{len(customers.splitlines()) - len(kept)} row taken out of {KEY}")
        delete_older_versions(base)
        sync(base)

        console.rule("After")
        ask(base, QUESTION)
        ask(base, FOLLOW_UP, session)
        tell_traces(base)
        tell_trail(base)


def ask(base: Base, question: str, session: str | None = None) -> str:
    """In a new session, or in one that remembers what was said of the person."""
    members: dict[str, Any] = {"sessionId": session} if session else {}
    response = runtime.retrieve_and_generate(
        input={"text": question},
        retrieveAndGenerateConfiguration={
            "type": "KNOWLEDGE_BASE",
            "knowledgeBaseConfiguration": {"knowledgeBaseId": base.id, "modelArn": CLAUDE},
        },
        **members,
    )
    show_answer(question, response)
    return str(response["sessionId"])


def tell_traces(base: Base) -> None:
    """Where the person is still found: among all vectors of the base, and in the bucket."""
    passages = runtime.retrieve(
        knowledgeBaseId=base.id,
        retrievalQuery={"text": PERSON},
        retrievalConfiguration={"vectorSearchConfiguration": {"numberOfResults": 100}},
    )["retrievalResults"]
    naming = sum(PERSON in one["content"]["text"] for one in passages)
    versions = s3.list_object_versions(Bucket=base.bucket).get("Versions", [])
    console.print(f"passages that name him: {naming} of {len(passages)}")
    console.print(f"versions of the file that name him: {count_naming(base, versions)}")


def count_naming(base: Base, versions: list[dict[str, Any]]) -> str:
    bodies = [
        s3.get_object(Bucket=base.bucket, Key=one["Key"], VersionId=one["VersionId"])["Body"].read()
        for one in versions
    ]
    return f"{sum(PERSON.encode() in body for body in bodies)} of {len(bodies)}"


def delete_older_versions(base: Base) -> None:
    older = [
        {"Key": one["Key"], "VersionId": one["VersionId"]}
        for one in s3.list_object_versions(Bucket=base.bucket)["Versions"]
        if not one["IsLatest"]
    ]
    s3.delete_objects(Bucket=base.bucket, Delete={"Objects": older})
    console.print(f"{len(older)} older version deleted")


def tell_trail(base: Base) -> None:
    """What was done to the bucket and the knowledge base, in words that do not quote him."""
    time.sleep(0.5)  # entries of reads are written within moments
    asked = urllib.request.Request(
        f"{os.environ['UNDERCROFT_URL']}/api/v1/audit?last=1000",
        headers={"Authorization": f"Bearer {os.environ['OPENAI_API_KEY']}"},
    )
    entries = json.load(urllib.request.urlopen(asked))["items"]
    table = Table("seq", "operation", "resource", "details", box=SIMPLE_HEAD)
    for one in entries:
        ours = any(id in json.dumps(one) for id in (base.bucket, base.id, base.source))
        if ours and any(kind in one["operation"] for kind in CHANGES):
            details = ", ".join(f"{k}={v}" for k, v in one["details"].items() if v)
            table.add_row(str(one["seq"]), one["operation"], one["resource"], details)
    console.rule("The audit trail")
    console.print(table)
    console.print(f"entries that name him: {sum(PERSON in json.dumps(one) for one in entries)}")


if __name__ == "__main__":
    main()
