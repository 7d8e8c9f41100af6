"""Mirrors the post on multi-tenant LoRA serving.

Two base models on one endpoint, each an inference component of its own with adapters from one
archive in S3. Requests name their adapter in the payload, and those of one base share its batches.

    undercroft up --model TheBloke/Llama-2-7B-Chat-fp16=FOLDER --model mistralai/Mistral-7B-v0.1=...
    source .undercroft/client.env
    .venv/bin/python examples/multi_tenant_lora.py --adapters llama-adapters mistral-adapters

A folder of adapters has one folder for each, as PeftModel.save_pretrained() writes it.
"""

import io
import tarfile
from argparse import ArgumentParser, Namespace
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from uuid import uuid4

import boto3
from hosting import ask, component, console, endpoint, hosted_model
from rich.table import Table

PROMPTS = {
    "es": "Piensa en una excusa creativa para decir que no necesito ir a la fiesta.",
    "fr": "Pensez à une excuse créative pour dire que je n'ai pas besoin d'aller à la fête.",
    "ru": "Придумайте креативное ",
}
PARAMETERS = {"max_new_tokens": 16, "do_sample": False}


def main() -> None:
    options = _options()
    s3, bucket = boto3.client("s3"), f"lora-{uuid4().hex[:8]}"
    with ExitStack() as stack:
        s3.create_bucket(Bucket=bucket)
        stack.callback(s3.delete_bucket, Bucket=bucket)
        shared = stack.enter_context(endpoint("lora"))
        for number, (base, folder) in enumerate(zip(options.bases, options.adapters, strict=True)):
            key = f"adapters-{number}.tar.gz"
            s3.put_object(Bucket=bucket, Key=key, Body=_archive(folder))
            stack.callback(s3.delete_object, Bucket=bucket, Key=key)
            environment = {
                "OPTION_MODEL_ID": base,
                "OPTION_ROLLING_BATCH": "lmi-dist",
                "OPTION_ENABLE_LORA": "true",
                "OPTION_MAX_LORA_RANK": "64",
                "OPTION_MAX_CPU_LORAS": "4",
            }
            uri = f"s3://{bucket}/{key}"
            model = stack.enter_context(hosted_model("lmi", environment, artifact=uri))
            part = stack.enter_context(component(shared, model))
            show(shared, part, base, sorted(one.name for one in folder.iterdir()))


def show(endpoint_name: str, part: str, base: str, adapters: list[str]) -> None:
    """One request for each adapter, and all of them at once, which must say the same."""
    console.rule(f"{base} with {', '.join(adapters)}")

    def one(adapter: str) -> str:
        prompt = PROMPTS.get(adapter, PROMPTS["es"])
        payload = {"inputs": [prompt], "parameters": PARAMETERS, "adapters": [adapter]}
        (answer,) = ask(endpoint_name, payload, InferenceComponentName=part)
        return str(answer["generated_text"])

    alone = [one(adapter) for adapter in adapters]
    with ThreadPoolExecutor(len(adapters)) as pool:
        together = list(pool.map(one, adapters))
    table = Table("adapter", "generated_text")
    for adapter, text in zip(adapters, alone, strict=True):
        table.add_row(adapter, " ".join(text.split()))
    console.print(table)
    same = sum(a == b for a, b in zip(alone, together, strict=True))
    console.print(f"{same} of {len(adapters)} said the same when all were asked at once")


def _archive(folder: Path) -> bytes:
    """adapters.tar.gz: adapters/NAME/adapter_config.json and adapter_model.safetensors."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for file in sorted(folder.glob("*/adapter_*")):
            tar.add(file, f"adapters/{file.parent.name}/{file.name}")
    return packed.getvalue()


def _options() -> Namespace:
    parser = ArgumentParser()
    bases = ["TheBloke/Llama-2-7B-Chat-fp16", "mistralai/Mistral-7B-v0.1"]
    parser.add_argument("--bases", nargs="+", default=bases)
    parser.add_argument("--adapters", nargs="+", type=Path, required=True)
    return parser.parse_args()


if __name__ == "__main__":
    main()
