"""What an adapter and its archive are held to; passing any of these is a reason to refuse it."""

from typing import Final

CONFIG: Final = "adapter_config.json"
WEIGHTS: Final = "adapter_model.safetensors"

MOST_CONFIG: Final = 1 << 20
MOST_WEIGHTS: Final = 4 << 30
MOST: Final = {CONFIG: MOST_CONFIG, WEIGHTS: MOST_WEIGHTS}
MOST_ARCHIVE: Final = 8 << 30
MOST_KEYS: Final = 10_000
"""Of a prefix in a bucket."""
MOST_MEMBERS: Final = 2_000
MOST_ADAPTERS: Final = 64
MOST_UNPACKED: Final = 16 << 30
RATIO: Final = 100
RATIO_FROM: Final = 1 << 20
"""Small members may compress well without harm."""
MOST_HEADER: Final = 16 << 20
"""Of a safetensors file: hundreds of times what the largest adapters have."""
MOST_TENSORS: Final = 100_000
PICKLES: Final = (".bin", ".pt", ".pth", ".pkl", ".pickle", ".ckpt")
"""How the names of weights end that can run code when they are read."""
