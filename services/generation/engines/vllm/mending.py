"""Mends vLLM's code for CPUs in the environment that runs this file, so that adapters stay out of
the answers of those who did not ask for them. It is known code that is mended, or none.
"""

import sysconfig
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Mend:
    """`added` follows `flawed` wherever that stands in `file`, or leads it; that is `times`."""

    file: str
    flawed: str
    added: str
    times: int
    leads: bool = False

    @property
    def mended(self) -> str:
        return self.added + self.flawed if self.leads else self.flawed + self.added


BASE = Mend(
    "vllm/lora/ops/torch_ops/lora_ops.py",
    flawed='    outputs = torch.einsum("bi, boi -> bo", inputs, selected_loras)\n',
    added="    outputs = outputs.masked_fill((lora_indices_tensor < 0).unsqueeze(1), 0)\n",
    times=3,
)
"""A token without an adapter has the index -1, for which this code takes the weights of the last
place, and so of whichever tenant's adapter lies there, however many places there are. Masking what
comes out, and not what goes in, holds for weights that are infinite too.
"""
PROMPT = Mend(
    "vllm/v1/worker/gpu_model_runner.py",
    flawed="            logits = self.model.compute_logits(prompt_hidden_states)\n",
    added="""            if self.lora_config:
                of_each = (int(self.input_batch.request_lora_mapping[req_idx]),) * num_logits
                self._set_active_loras(of_each, of_each, {request.lora_request} - {None})
""",
    times=1,
    leads=True,
)
"""The log probabilities of a prompt go through the output layer with the adapters of the tokens
that the batch has just sampled: those of other requests, and of another number, which ends the
server.
"""
MENDS = (BASE, PROMPT)


def mend(packages: Path) -> None:
    """The vLLM among these site-packages; raises ValueError for code that is not as we know it."""
    for one in MENDS:
        source = packages / one.file
        found = source.read_text(encoding="utf-8")
        if one.mended in found:
            continue
        if found.count(one.flawed) != one.times:
            raise ValueError(f"{source} is not the code that this mends; see whether it needs it.")
        source.write_text(found.replace(one.flawed, one.mended), encoding="utf-8")


def is_mended(packages: Path) -> bool:
    return all(
        (packages / one.file).read_text(encoding="utf-8").count(one.mended) == one.times
        for one in MENDS
    )


if __name__ == "__main__":
    mend(Path(sysconfig.get_path("purelib")))
