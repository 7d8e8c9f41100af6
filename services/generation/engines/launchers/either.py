"""Servers as each model's entry says: declared ones where it has some, else started here."""

from collections.abc import Sequence

from typing_extensions import override

from kit.catalogue import ModelEntry
from services.generation.engines.launchers.process import ProcessLauncher
from services.generation.engines.launchers.static import StaticLauncher
from services.generation.ports import EngineLimits, Launched, Launcher
from services.generation.settings import VllmSettings

_SHORT = 2048
"""The context of servers that do not tell theirs."""


class EitherLauncher(Launcher):
    def __init__(self, process: Launcher, static: Launcher) -> None:
        self._process, self._static = process, static

    @classmethod
    def of(cls, settings: VllmSettings) -> "EitherLauncher":
        declared = EngineLimits(
            settings.vllm_max_model_len or _SHORT,
            settings.vllm_max_num_seqs,
            settings.vllm_max_loras,
            settings.vllm_max_lora_rank,
        )
        static = StaticLauncher(declared, settings.replicas_key)
        return cls(ProcessLauncher(settings), static)

    @override
    def check(self, copies: Sequence[tuple[ModelEntry, int]]) -> None:
        self._static.check([asked for asked in copies if asked[0].replicas])
        self._process.check([asked for asked in copies if not asked[0].replicas])

    @override
    async def launch(self, model: ModelEntry) -> Launched:
        return await (self._static if model.replicas else self._process).launch(model)
