"""Open a graph with ONNX Runtime on the CPU: as the server computes it, wherever it is compared or judged."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any


def open_session(graph: Path | bytes, *, threads: int | None = None) -> Any:
    """Return an InferenceSession of a graph, a file's or one in memory; raises what has no class of its own.

    It computes with `threads` threads, None for one on each core that this process may use.
    """
    import onnxruntime

    onnxruntime.set_default_logger_severity(3)  # its warnings are about the graph, not about requests
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or len(os.sched_getaffinity(0))
    # Waiting threads would take the cores from those that decode the next images.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])
