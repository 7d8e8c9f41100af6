"""What must hold at the end: accepted means finished or dead, and effects happened once."""

from collections import Counter
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, func, select

from kit.database import Database
from kit.jobs.job import OPEN_STATES
from kit.jobs.retry import DEAD_AFTER
from kit.jobs.tables import job_events, jobs
from tests.faults.work import effects

ENDS = {
    "quick": {"succeeded"},
    "steps": {"succeeded"},
    "slow": {"succeeded"},
    "flaky": {"succeeded"},
    "wrong": {"failed"},
    "unwanted": {"succeeded", "cancelled"},
    "poison": set(),
}
"""How each may end, besides dying of `DEAD_AFTER` crashes."""
SHOWN = 10
STEPS = {"finish"} | {f"step {number}" for number in range(3)}


def count_open(connection: Connection) -> int:
    rows = select(func.count()).where(jobs.c.state.in_(OPEN_STATES))
    return int(connection.execute(rows).scalar_one())


def judge(database: Database, folder: Path) -> dict[str, Any]:
    """`violations` lists what broke a promise; it must be empty."""
    acknowledged = dict(
        line.split() for line in (folder / "acknowledged.log").read_text().splitlines()
    )
    columns = (
        jobs.c.id,
        jobs.c.idem_key,
        jobs.c.state,
        jobs.c.epoch,
        jobs.c.crash_count,
        jobs.c.input,
    )
    rows = database.read_now(lambda c: c.execute(select(*columns)).all())
    query = select(effects.c.job_id, effects.c.name, func.count())
    query = query.group_by(effects.c.job_id, effects.c.name)
    counts = {
        (row[0], row[1]): row[2] for row in database.read_now(lambda c: c.execute(query).all())
    }
    stored = {row.idem_key: row.id for row in rows}
    violations = [
        f"{key} was acknowledged as {job_id} but is {stored.get(key)}"
        for key, job_id in acknowledged.items()
        if stored.get(key) != job_id
    ]
    for row in rows:
        violations += _violations_of(row, counts)
    return {
        "acknowledged": len(acknowledged),
        "jobs": len(rows),
        "states": dict(Counter(row.state for row in rows)),
        "attempts_beyond_the_first": sum(max(row.epoch - 1, 0) for row in rows),
        "effects": sum(counts.values()),
        "violation_count": len(violations),
        "violations": violations[:SHOWN],
        "histories": [
            [row.id, *_history(database, row.id)]
            for row in rows
            if any(row.id in violation for violation in violations[:SHOWN])
        ],
    }


def _history(database: Database, job_id: str) -> list[str]:
    """What happened to a job, with the seconds since it was accepted."""
    query = select(job_events.c.event, job_events.c.at, job_events.c.data)
    query = query.where(job_events.c.job_id == job_id).order_by(job_events.c.seq)
    events = database.read_now(lambda c: c.execute(query).all())
    return [f"{at - events[0].at:.1f} {event} {data}" for event, at, data in events]


def _violations_of(row: Any, counts: dict[tuple[str, str], int]) -> list[str]:
    found = []
    does = row.input["does"]
    if row.state == "dead":
        if row.crash_count < DEAD_AFTER:
            found.append(f"{row.id} died of {row.crash_count} crashes")
    elif row.state not in ENDS[does]:
        found.append(f"{row.id} ({does}) ended as {row.state}")
    expected = set()
    if row.state == "succeeded":
        expected = STEPS if does == "steps" else {"finish"}
    for name in STEPS:
        times = counts.get((row.id, name), 0)
        if times > 1 or (times == 0 and name in expected):
            found.append(f"{row.id} ({does}, {row.state}): effect {name} happened {times} times")
    if row.state != "succeeded" and counts.get((row.id, "finish")):
        found.append(f"{row.id} is {row.state} but its finish took effect")
    return found
