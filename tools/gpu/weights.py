"""ONNX files at half their size for the way, and whole again on arrival.

python tools/gpu/weights.py halve IN.onnx OUT.onnx
python tools/gpu/weights.py restore IN.onnx OUT.onnx
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
from onnx import numpy_helper

_SMALL = 64


def main() -> None:
    """Turn a file's large constants into float16 (``halve``), or back into float32 (``restore``)."""
    what, source, target = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
    model = onnx.load(source)
    before, after = (np.float32, np.float16) if what == "halve" else (np.float16, np.float32)
    for each in model.graph.initializer:
        values = numpy_helper.to_array(each)
        if values.dtype == before and (values.size > _SMALL or what == "restore"):
            each.CopyFrom(numpy_helper.from_array(values.astype(after), each.name))
    target.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, target)


if __name__ == "__main__":
    main()
