"""ONNX Runtime on the CPU: the fallback, and the reference that other engines are checked against."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from engines.contract import is_quantised
from engines.engine import EngineError, Port, with_open_as_one


class ONNXRuntimeEngine:
    """A network run by ONNX Runtime's CPU provider; see :class:`engines.engine.Engine`."""

    max_batch = 1

    def __init__(self, path: Path, threads: int) -> None:
        """Read and prepare a network.

        Args:
            path: an ``.onnx`` file; where it leaves a side of an input open (the batch), 1 is taken.
            threads: CPU threads to use; 0 leaves it to ONNX Runtime.

        Raises:
            EngineError: the file is not a network that ONNX Runtime can run.
        """
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.log_severity_level = 3
        # Idle threads that spin would take the cores that decode and encode the video.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # its exceptions share no base class of their own
            reason = str(error).strip().splitlines()[-1]
            raise EngineError(f"ONNX Runtime cannot load {path.name}: {reason}", path=path) from error
        self._session = session
        self.inputs = tuple(Port(node.name, with_open_as_one(node.shape)) for node in session.get_inputs())
        self.outputs = tuple(Port(node.name, with_open_as_one(node.shape)) for node in session.get_outputs())
        self._names = [port.name for port in self.inputs]
        computed = "int8 and fp32" if is_quantised(path) else "fp32"
        used = f"{threads} thread{'s' * (threads != 1)}" if threads else "all threads"
        self.description = f"ONNX Runtime {ort.__version__} on the CPU, {computed}, {used}"

    def run(self, *inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        return tuple(self._session.run(None, dict(zip(self._names, inputs, strict=True))))
