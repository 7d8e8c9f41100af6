"""Writes a Llama with random weights, its tokenizer and adapters; run by `.venv-vllm`.

`python bench_llama.py FOLDER SHAPE ADAPTERS` makes FOLDER/model and FOLDER/adapters/0, 1 …; the
shape is JSON: members of LlamaConfig. What it says is noise: only how fast is of interest.
"""

import json
import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

RANK = 8
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj"]


def main(folder: Path, shape: dict[str, int], adapters: int) -> None:
    torch.manual_seed(0)
    tokenizer = make_tokenizer(shape["vocab_size"])
    tokenizer.save_pretrained(folder / "model")
    model = LlamaForCausalLM(
        LlamaConfig(
            **shape,
            max_position_embeddings=2048,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
        )
    )
    model.save_pretrained(folder / "model")
    adapted = get_peft_model(model, LoraConfig(r=RANK, target_modules=TARGETS))
    for number in range(adapters):
        with torch.no_grad():
            for name, weight in adapted.named_parameters():
                if "lora_B" in name:
                    weight.normal_(std=0.3)
        adapted.save_pretrained(folder / "adapters" / str(number))


def make_tokenizer(size: int) -> PreTrainedTokenizerFast:
    """Every id has a text, as with a real one: what has none would not be sent."""
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(special_tokens=["<s>", "</s>"], initial_alphabet=alphabet)
    bpe.train_from_iterator(["one two three four five six seven eight nine ten"], trainer)
    bpe.add_tokens([f"t{number}" for number in range(bpe.get_vocab_size(), size)])
    return PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<s>", eos_token="</s>")


if __name__ == "__main__":
    main(Path(sys.argv[1]), json.loads(sys.argv[2]), int(sys.argv[3]))
