"""ONNX Runtime with NVIDIA's TensorRT-RTX plugin: for GeForce and RTX cards, compiled in seconds on them."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import onnxruntime as ort
from numpy.typing import NDArray

from engines.engine import EngineError, Port, onnx_port
from engines.files.half import in_half

_MAX_BATCH = 8


class ONNXRuntimeRTXEngine:
    """A network run by the TensorRT-RTX plugin of ONNX Runtime; see :class:`engines.engine.Engine`."""

    max_batch = _MAX_BATCH

    def __init__(self, path: Path, precision: Literal["fp32", "fp16"] = "fp16") -> None:
        """Read a network and compile it for the GPU.

        Args:
            path: its fp32 ``.onnx`` file.
            precision: of the weights and features; inputs and outputs are float32.

        Raises:
            EngineError: the plugin is not installed or finds no GPU that it supports, or it cannot run all
                of the network.
        """
        devices = _devices()
        try:
            model = onnx.load(path)
            ports = [onnx_port(each) for each in (*model.graph.input, *model.graph.output)]
            options = ort.SessionOptions()
            options.log_severity_level = 3
            # Without these two the session would run on the CPU and say nothing.
            options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
            options.add_provider_for_devices(devices[:1], _profile(ports[: len(model.graph.input)]))
            content = (in_half(model) if precision == "fp16" else model).SerializeToString()
            session = ort.InferenceSession(content, sess_options=options, enable_fallback=0)
        except Exception as error:  # protobuf's, onnx's and ONNX Runtime's share no class
            reason = str(error).strip().splitlines()[-1]
            raise EngineError(f"TensorRT-RTX cannot run {path.name}: {reason}", path=path) from error
        provider = devices[0].ep_name
        if session.get_providers()[:1] != [provider]:
            raise EngineError(f"ONNX Runtime did not take {provider} for {path.name}.", path=path)
        count = len(model.graph.input)
        self.inputs, self.outputs = tuple(ports[:count]), tuple(ports[count:])
        self._session = session
        self._names = [port.name for port in self.inputs]
        self.description = f"ONNX Runtime {ort.__version__} with TensorRT-RTX, {precision}"

    def run(self, *inputs: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
        if not 1 <= len(inputs[0]) <= self.max_batch:
            raise EngineError(f"The engine takes 1 to {self.max_batch} faces, not {len(inputs[0])}.")
        return tuple(self._session.run(None, dict(zip(self._names, inputs, strict=True))))


def why_not() -> str | None:
    """Why the plugin cannot run here, in one sentence; None if it can."""
    try:
        _devices()
    except EngineError as error:
        return str(error)
    return None


@cache
def _devices() -> list[Any]:
    """The GPUs that the plugin supports. Its library stays loaded as long as the process lives.

    Raises:
        EngineError: it is not installed, does not load, or supports none.
    """
    try:
        plugin = import_module("onnxruntime_ep_nv_tensorrt_rtx")
        name = plugin.get_ep_name()
        ort.register_execution_provider_library(name, plugin.get_library_path())
    except ImportError as error:
        package = "onnxruntime-ep-nv-tensorrt-rtx"
        raise EngineError(f"{package} is not installed.", hint=f"pip install {package}") from error
    except Exception as error:
        reason = str(error).strip().splitlines()[-1]
        raise EngineError(f"ONNX Runtime's TensorRT-RTX plugin does not load: {reason}") from error
    devices = [device for device in ort.get_ep_devices() if device.ep_name == name]
    if not devices:
        raise EngineError("TensorRT-RTX supports no GPU of this machine.")
    return devices


def _profile(ports: list[Port]) -> dict[str, str]:
    """Batches of 1 to the largest, tuned for one face."""

    def shapes(batch: int) -> str:
        return ",".join(f"{port.name}:{'x'.join(map(str, (batch, *port.shape[1:])))}" for port in ports)

    return {
        "nv_profile_min_shapes": shapes(1),
        "nv_profile_opt_shapes": shapes(1),
        "nv_profile_max_shapes": shapes(_MAX_BATCH),
        "enable_cuda_graph": "0",
    }
