"""Every example, run as its reader runs it, prints the facts that it is there to show."""

import re
import subprocess
import sys

import pytest

from tests.examples.test_hosted_examples import FACTS as HOSTED
from tests.support.platform import ROOT, Platform

FACTS = {
    "first_answer.py": (
        r"Everyone has 26 days of paid leave a year\. s3://handbook-\d+/leave\.txt",
    ),
    "knowledge_base_custom_prompts.py": (
        r"1 new documents indexed",
        r"numberOfResults = 1 .{0,90} Sorry, I am unable to assist",
        r"numberOfResults = 12 .{0,120} from \$245 million of revenue in 2019 to \$434 million",
        r"The default prompt .{0,90} Total revenue for 2021 was \$398 million.*? for 2020 was \$355"
        r" million\. source: s3://annual-report-\w+/report\.pdf A prompt of our own",
        r"citations: 0",
        r"640,000 containers in 2022\. <- s3://annual-report-\w+/report\.pdf, page 2",
        r"anthropic\.claude-v2 is served here by: Extractive answerer",
    ),
    "knowledge_base_metadata_filtering.py": (
        r"8 metadata documents scanned, 8 new documents indexed",
        r"no filter .* 2/5 are strategy games from 2023 on genres = Strategy ",
        r" 2/4 are strategy games from 2023 on genres = Strategy and year >= 2023 .*?"
        r" 2/2 are strategy games from 2023 on",
        r"or score >= 9 .*? Kelp Puzzle 2024 Gearloft 9\.3",
        r"in the folder of Neo Tokyo Games .*? 1/3 are",
        r"genres = Strategy Which game is about a medieval siege\? 2,Keep and Trebuchet",
        r"year >= 2023 Which game is about a medieval siege\? Sorry",
    ),
    "contextual_chatbot.py": (
        r"machine learning\? (We are training|Machine learning has arrived)",
        r"grow in 2022\? The service business had revenue of \$6\.2 million in 2022 and grew 29%",
        r"come to the office\? .{0,120} at least three days a week",
        r"Lynx3 need\? .{0,50} 25% less power than the Lynx2 sensor",
        r"in what year .{0,200} from \$24\.5 million in 2019 to \$51\.4 million in 2022",
        r"and, 2021\? Total revenue of Ferrow Instruments in 2021 was \$46\.9 million",
        r"was launched\? We launched our first sensor chip, Lynx, in 2019",
        r"football match on Sunday\? Sorry, I am unable",
        r"Ines Aalto leads this work from our office in Tampere\. the same session",
    ),
    "right_to_be_forgotten.py": (
        r"Before .*?\+34 96 555 0177.*? And his company\? Arturo,Venero,Venero Tiles",
        r"passages that name him: 1 of 1 versions of the file that name him: 1 of 1",
        r"1 row taken out of customers\.csv 1 older version deleted",
        r"1 modified documents indexed After .{0,120} Sorry.*? And his company\? Sorry",
        r"passages that name him: 0 of 1 versions of the file that name him: 0 of 1",
        r"s3:DeleteObjects arn:aws:s3:::customers-\w+ .*? search:EndIngestion .*? modified=1",
        r"entries that name him: 0",
    ),
    "rag_with_voyage_embeddings.py": (
        r"claude-3-sonnet\S+ is served by: Extractive answerer",
        r"embedded 8 of 10 chunks embedded 10 of 10 chunks .* 1536 dimensions",
        r"nearest 3 chunks 0\.\d{3} 8\. Shares",
        r"With context .* was approximately \$1,283,700,000\. Without .* Sorry",
    ),
    "internal_docs_chatbot.py": (
        r"3 passages REST: min_score=0\.3, idle after 3 s “How do I bake bread\?”: 0 passages",
        r"mean\? If the run stops with the code PRM-417, the exchange rates were not loaded\. see"
        r" https://wiki\.lantern\.example/operations/premium-run",
        r"And PRM-502\? If the run stops with the code PRM-502, the ledger is locked",
        r"the session has ended: Session with Id \S+ is not valid",
        r"a lost laptop cannot be wiped in time\. see https://wiki\.lantern\.example/procedures",
    ),
}


@pytest.mark.parametrize("name", FACTS)
def test_the_example_shows_its_facts(platform: Platform, name: str) -> None:
    told = run(platform, name)
    for fact in FACTS[name]:
        assert re.search(fact, told, re.IGNORECASE), f"{fact}\n\nnot in\n\n{told}"


def test_an_example_runs_again_and_leaves_nothing_behind(platform: Platform) -> None:
    s3 = platform.boto3("s3")
    before = [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]]
    for _ in range(2):
        run(platform, "right_to_be_forgotten.py")
    assert [bucket["Name"] for bucket in s3.list_buckets()["Buckets"]] == before


def test_every_example_is_run() -> None:
    shared = {"support.py", "hosting.py"}
    scripts = {path.name for path in (ROOT / "examples").glob("*.py")} - shared
    assert scripts == FACTS.keys() | HOSTED.keys()


def run(platform: Platform, name: str) -> str:
    """What it printed, as one line without the frames of boxes and tables."""
    done = subprocess.run(
        [sys.executable, str(ROOT / "examples" / name)],
        env=platform.environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return " ".join(re.sub(r"[─-╿]", " ", done.stdout).split())
