"""What PEFT makes of prompts with each adapter, merged and beside the base; run by `.venv-vllm`.

`python peft_oracle.py FOLDER TOKENS < prompts.json > answers.json`: FOLDER as tiny_llama.py wrote
it; the prompts are a list of token lists; answers map "" (the base) and every adapter to a list of
token lists, decoded greedily. PEFT's two ways must agree, or it is no oracle.
"""

import json
import sys
from pathlib import Path

import torch
from peft import PeftModel
from transformers import LlamaForCausalLM


def main(folder: Path, tokens: int) -> None:
    prompts = json.load(sys.stdin)
    answers = {"": _answers(_base(folder), prompts, tokens)}
    for adapter in sorted((folder / "adapters").iterdir()):
        beside = PeftModel.from_pretrained(_base(folder), adapter)
        single = _answers(beside, prompts, tokens)
        answers[adapter.name] = _answers(beside.merge_and_unload(), prompts, tokens)
        if single != answers[adapter.name]:
            raise AssertionError(f"{adapter.name} says something else when it is merged")
    json.dump(answers, sys.stdout)


def _base(folder: Path) -> LlamaForCausalLM:
    return LlamaForCausalLM.from_pretrained(folder / "model")


def _answers(model: LlamaForCausalLM, prompts: list[list[int]], tokens: int) -> list[list[int]]:
    return [_greedy(model, prompt, tokens) for prompt in prompts]


@torch.inference_mode()
def _greedy(model: LlamaForCausalLM, prompt: list[int], tokens: int) -> list[int]:
    """Without a cache: slower, and nothing to trust but the forward pass."""
    ids = list(prompt)
    for _ in range(tokens):
        ids.append(int(model(torch.tensor([ids])).logits[0, -1].argmax()))
        if ids[-1] == model.config.eos_token_id:
            break
    return ids[len(prompt) :]


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
