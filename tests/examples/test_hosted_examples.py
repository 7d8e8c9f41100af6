"""The examples of hosted models, on the real engine with a tiny random model: shapes, not sense."""

import subprocess
import sys

import pytest

from tests.support.platform import ROOT, Platform
from tests.support.vllm import NAME, Tiny

FRAMEWORKS = ROOT / ".venv-examples" / "bin" / "python"
FACTS = {
    "multi_tenant_lora.py": (
        "tiny with de, es, fr, it",
        "adapter generated_text",
        "4 of 4 said the same when all were asked at once",
    ),
    "generation_details.py": (
        "24 tokens, confidence 0.",
        "96 tokens in 4 requests; it ended with length",
    ),
    "falcon_prompts.py": (
        "Text generation, without its prompt",
        "Other languages, with its prompt",
    ),
    "mixtral_instructions.py": ("The same by Converse", "40 out"),
    "llama_index_and_langchain.py": (
        "2 documents, embeddings of 4096 dimensions",
        "letter_2021.md: ",
        "Letters: ",
    ),
}


@pytest.mark.parametrize("name", [name for name in FACTS if not name.startswith("llama_index")])
def test_the_example_shows_its_facts(vllm_platform: Platform, tiny: Tiny, name: str) -> None:
    if name == "multi_tenant_lora.py":
        adapters = str(tiny.folder / "adapters")
        told = run(vllm_platform, name, "--bases", NAME, "--adapters", adapters)
    else:
        told = run(vllm_platform, name, "--model", NAME)
    assert [fact for fact in FACTS[name] if fact not in told] == [], told


def test_the_frameworks_work_as_they_are_released(vllm_platform: Platform) -> None:
    if not FRAMEWORKS.exists():
        pytest.skip("LangChain and LlamaIndex are not installed here: `make frameworks`")
    name = "llama_index_and_langchain.py"
    told = run(vllm_platform, name, "--model", NAME, python=str(FRAMEWORKS))
    assert [fact for fact in FACTS[name] if fact not in told] == [], told


def test_a_hosted_example_leaves_nothing_behind(vllm_platform: Platform, tiny: Tiny) -> None:
    run(vllm_platform, "falcon_prompts.py", "--model", NAME)
    sagemaker = vllm_platform.boto3("sagemaker")
    assert sagemaker.list_models()["Models"] == []
    assert sagemaker.list_endpoint_configs()["EndpointConfigs"] == []
    left = sagemaker.list_endpoints()["Endpoints"]
    assert [one["EndpointStatus"] for one in left if one["EndpointStatus"] != "Deleting"] == []


def run(platform: Platform, name: str, *options: str, python: str = sys.executable) -> str:
    """What it printed, as one line without frames."""
    done = subprocess.run(
        [python, str(ROOT / "examples" / name), *options],
        env=platform.environment(),
        capture_output=True,
        text=True,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    framed = dict.fromkeys(range(9472, 9600), " ")
    return " ".join(done.stdout.translate(framed).split())
