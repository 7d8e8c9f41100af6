"""The child process, in vLLM's own environment, that merges an adapter into its base with PEFT.

It sees no configuration that a tenant wrote: only the members that were checked, and exact names of
modules, so that nothing in it is read as a pattern or names code.
"""

import json
import tempfile
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from transformers import AutoModelForCausalLM, AutoTokenizer

from services.generation.engines.adapters.config import AdapterConfig, read_config
from services.generation.engines.adapters.header import read_header
from services.generation.engines.adapters.modules import pairs_of
from services.generation.service.adapters.limits import CONFIG, WEIGHTS

_SAFELY = {"local_files_only": True, "trust_remote_code": False}


def answer(ask: dict[str, Any]) -> dict[str, Any]:
    """`{"base": folder, "adapter": folder, "prompt": text, "tokens": n}`.

    Answers the prompt's token ids, and for the base and for the merged adapter what follows
    greedily: ids, text, whether the text ended there (by a token that is in neither), and by how
    much each token beat the next best, in logits.
    """
    torch.set_num_threads(max(1, torch.get_num_threads() // 2))
    base, adapter = Path(ask["base"]), Path(ask["adapter"])
    tokenizer = AutoTokenizer.from_pretrained(base, **_SAFELY)
    prompt = tokenizer(ask["prompt"])["input_ids"]
    model = AutoModelForCausalLM.from_pretrained(
        base, use_safetensors=True, dtype=torch.float32, **_SAFELY
    ).eval()
    alone = _greedy(model, tokenizer, prompt, ask["tokens"])
    with tempfile.TemporaryDirectory(dir=ask["scratch"]) as scratch:
        plain = _plain_copy(adapter, Path(scratch))
        merged = PeftModel.from_pretrained(model, plain).merge_and_unload()
    told = _greedy(merged, tokenizer, prompt, ask["tokens"])
    return {"prompt": prompt, "base": alone, "merged": told}


def _plain_copy(adapter: Path, folder: Path) -> Path:
    config = read_config((adapter / CONFIG).read_bytes())
    modules = sorted(pairs_of(read_header(adapter / WEIGHTS)))
    _lora(config, modules).save_pretrained(folder)
    written = json.loads((folder / CONFIG).read_bytes())
    written["inference_mode"] = True
    (folder / CONFIG).write_text(json.dumps(written))
    (folder / WEIGHTS).symlink_to(adapter / WEIGHTS)
    return folder


def _lora(config: AdapterConfig, modules: list[str]) -> Any:
    return LoraConfig(
        task_type="CAUSAL_LM",
        r=config.rank,
        lora_alpha=config.alpha,
        use_rslora=config.rslora,
        fan_in_fan_out=config.transposed,
        rank_pattern=dict(config.ranks),
        alpha_pattern=dict(config.alphas),
        target_modules=modules,
    )


def _greedy(model: Any, tokenizer: Any, prompt: list[int], tokens: int) -> dict[str, Any]:
    """Without a cache: slower, and nothing to trust but the forward pass."""
    ids = list(prompt)
    margins: list[float] = []
    ends = model.generation_config.eos_token_id
    stops = set(ends) if isinstance(ends, list) else {ends}
    ended = False
    while len(margins) < tokens and not ended:
        with torch.inference_mode():
            best = model(torch.tensor([ids])).logits[0, -1].topk(2)
        margins.append(float(best.values[0] - best.values[1]))
        ended = int(best.indices[0]) in stops
        if not ended:
            ids.append(int(best.indices[0]))
    made = ids[len(prompt) :]
    text = tokenizer.decode(made, skip_special_tokens=True)
    return {"ids": made, "margins": margins, "text": text, "ended": ended}
