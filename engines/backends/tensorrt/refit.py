"""New weights for an engine that was built with exchangeable ones: seconds instead of a build."""

from __future__ import annotations

from pathlib import Path

from engines.backends.tensorrt.flavour import Flavour
from engines.backends.tensorrt.run import Program
from engines.engine import EngineError


def refit(content: bytes, network: Path, flavour: Flavour) -> bytes:
    """Put a network's weights into an engine of the same architecture.

    Args:
        content: the serialised engine, built to be refittable.
        network: the ``.onnx`` file with the weights.
        flavour: the TensorRT that built the engine.

    Returns:
        The new serialised engine.

    Raises:
        EngineError: the network is of another architecture, or the engine's weights are fixed.
    """
    program = Program(content, flavour)
    api, log = flavour.api, flavour.log
    refitter = api.Refitter(program.engine, log)
    parser = api.OnnxParserRefitter(refitter, log)
    if not parser.refit_from_file(str(network)) or not refitter.refit_cuda_engine():
        raise EngineError(f"The weights of {network.name} do not fit the engine: {log.reason()}.")
    return bytes(program.engine.serialize())
