"""One ONNX Runtime session on one thread; several threads may run it side by side."""

from pathlib import Path
from typing import cast

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from services.search.ports import Vectors


class Session:
    """The graph was optimised when it was exported, so it loads as it is.

    Each run keeps to the thread that calls it: threads over batches scale better than threads
    within a batch of this size, and an idle process then has nothing that spins.
    """

    def __init__(self, graph: Path, *, arena: bool = True) -> None:
        options = onnxruntime.SessionOptions()
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        options.enable_cpu_mem_arena = arena
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            str(graph), options, providers=["CPUExecutionProvider"]
        )

    def run(self, input_ids: NDArray[np.int64]) -> Vectors:
        """Token ids of shape (batch, length), all of one length, to unit vectors."""
        return cast(Vectors, self._session.run(["embedding"], {"input_ids": input_ids})[0])
