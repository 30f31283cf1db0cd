"""Which of a network's files is compiled; its fp16 file is made on the spot where the weights have none."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine
from engines.backends.tensorrt.plan import fingerprint
from engines.contract import FilePrecision, Network, WeightsFile, has_weights, read_weights
from engines.engine import EngineError
from engines.parity import compare


@contextmanager
def file_to_compile(folder: Path, network: Network, precision: FilePrecision | None) -> Iterator[WeightsFile]:
    """Give a network's file in a precision; while entered, it is there.

    Args:
        folder: the weights.
        network: which one.
        precision: of the file; None for fp16 if it can be had, else fp32.

    Raises:
        EngineError: there is no such file, it is damaged, or the fp16 file cannot be made or is no good.
    """
    held = has_weights(folder, network, "fp16")
    wanted = precision or ("fp16" if held or find_spec("onnx") else "fp32")
    if wanted != "fp16" or held:
        yield read_weights(folder, network, wanted)
        return
    source = read_weights(folder, network)
    with tempfile.TemporaryDirectory() as place:
        yield _in_half(source, Path(place) / f"{network.name}.fp16.onnx")


def _in_half(source: WeightsFile, path: Path) -> WeightsFile:
    """Write an fp32 file in half precision. The same file always gives the same bytes, thus the same key."""
    try:
        from engines.files.half import to_half
    except ImportError as error:
        raise EngineError(f"An fp16 engine needs {error.name}.", hint="precision=fp32") from error
    to_half(source.path, path)
    try:
        compare(ONNXRuntimeEngine(path, 0), ONNXRuntimeEngine(source.path, 0), (1,), "fp16")
    except EngineError as error:
        raise EngineError(
            f"{source.path.name} cannot be run in fp16. {error}", path=source.path, hint="precision=fp32"
        ) from error
    return replace(source, path=path, sha256=fingerprint(path), precision="fp16")
