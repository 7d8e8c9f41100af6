"""What an adapter and its archive are held to; passing any of these is a reason to refuse it."""

from typing import Final

CONFIG: Final = "adapter_config.json"
WEIGHTS: Final = "adapter_model.safetensors"

MOST_CONFIG: Final = 1 << 20
MOST_WEIGHTS: Final = 4 << 30
MOST_MEMBERS: Final = 2_000
MOST_ADAPTERS: Final = 64
MOST_UNPACKED: Final = 16 << 30
RATIO: Final = 100
RATIO_FROM: Final = 1 << 20
"""Small members may compress well without harm."""
MOST_HEADER: Final = 16 << 20
"""Of a safetensors file: hundreds of times what the largest adapters have."""
MOST_TENSORS: Final = 100_000
