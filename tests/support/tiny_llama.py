"""Writes a random two-layer Llama, its tokenizer and four adapters; run by `.venv-vllm`.

`python tiny_llama.py FOLDER [WIDTH]` makes FOLDER/model and FOLDER/adapters/{es,fr,de,it}. The same
seed gives the same weights; another width (64, or another multiple of 32) is another model, whose
adapters fit no other. Heads have 32 dimensions, the fewest that vLLM's attention on CPUs takes.
"""

import sys
from pathlib import Path

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

TEXT = """
The undercroft lies below the church and holds it up. Nobody sees it, and everything rests on it.
Ask a question and you will get an answer; ask for a list and it will count one, two, three.
Say hello, good morning or good night: the model knows these words and few others.
"""
SPECIAL = ("<s>", "</s>", "<pad>", "<|im_start|>", "<|im_end|>")
CHAT_TEMPLATE = (
    "{{ bos_token }}"
    "{% if tools %}<|im_start|>system\nTools: {{ tools | tojson }}<|im_end|>\n{% endif %}"
    "{% for message in messages %}<|im_start|>{{ message.role }}\n"
    "{% if message.content %}{{ message.content }}{% endif %}"
    "{% for call in message.tool_calls or [] %}"
    "<tool_call>{{ call.function | tojson }}</tool_call>{% endfor %}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ADAPTERS = {
    "es": {"r": 4, "lora_alpha": 4},
    "fr": {"r": 8, "lora_alpha": 8, "use_rslora": True},
    "de": {"r": 16, "lora_alpha": 16, "alpha_pattern": {"q_proj": 64}},
    "it": {"r": 64, "lora_alpha": 64},
}
HEAD = 32
LINEAR = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


def main(folder: Path, width: int = 64) -> None:
    tokenizer = make_tokenizer()
    tokenizer.save_pretrained(folder / "model")
    make_model(tokenizer, width).save_pretrained(folder / "model")
    for seed, (name, options) in enumerate(ADAPTERS.items(), start=1):
        base = LlamaForCausalLM.from_pretrained(folder / "model")
        write_adapter(base, folder / "adapters" / name, seed, options)


def make_tokenizer() -> PreTrainedTokenizerFast:
    bpe = Tokenizer(models.BPE())
    bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bpe.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=512, special_tokens=list(SPECIAL), initial_alphabet=alphabet
    )
    bpe.train_from_iterator(TEXT.split("\n"), trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bpe,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        chat_template=CHAT_TEMPLATE,
    )


def make_model(tokenizer: PreTrainedTokenizerFast, width: int) -> LlamaForCausalLM:
    """Greedy decoding says words only: readable tokens have large weights and the rest none.

    Without this the best two logits lie so near each other that rounding decides, and single bytes
    make text that is not UTF-8. Adapters leave these weights alone.
    """
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=width,
            intermediate_size=2 * width,
            num_hidden_layers=2,
            num_attention_heads=width // HEAD,
            num_key_value_heads=1,
            max_position_embeddings=2048,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    readable = torch.tensor([_is_readable(tokenizer, i) for i in range(len(tokenizer))])
    with torch.no_grad():
        model.lm_head.weight *= torch.where(readable, 20.0, 0.0).unsqueeze(1)
    return model


def _is_readable(tokenizer: PreTrainedTokenizerFast, token: int) -> bool:
    text = tokenizer.decode([token])
    return token >= len(SPECIAL) and text.isascii() and (text.isprintable() or text == "\n")


def write_adapter(base: LlamaForCausalLM, folder: Path, seed: int, options: dict[str, object]):
    """As training would leave it: PEFT starts with B = 0, which has no effect."""
    torch.manual_seed(seed)
    config = LoraConfig(task_type="CAUSAL_LM", target_modules=LINEAR, **options)
    adapted = get_peft_model(base, config)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.3)
    adapted.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
