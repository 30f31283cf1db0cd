"""Makes `import tensorrt` work where there is neither a GPU nor TensorRT's libraries.

The real Python bindings of TensorRT 11 are put over the libraries of TensorRT for RTX, which come with a
plugin of ONNX Runtime. ONNX files are parsed and engines built for real; nothing runs, for that takes a GPU.
"""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

BINDINGS = "tensorrt-cu13-bindings==11.4.0.106"
LIBRARIES = "onnxruntime-ep-nv-tensorrt-rtx-cu13==0.5.0"
SHIMS = {
    "NVINFER": "libnvinfer.so.11",
    "PLUGIN": "libnvinfer_plugin.so.11",
    "PARSER": "libnvonnxparser.so.11",
}
MODULE = """
import ctypes
import pathlib

for _name in {names}:
    ctypes.CDLL(str(pathlib.Path(__file__).parent / "lib" / _name), mode=ctypes.RTLD_GLOBAL)

from tensorrt_bindings import *
from tensorrt_bindings import __version__
"""


class RigError(Exception):
    """The rig cannot be made here; says why."""


def make_rig(folder: Path) -> None:
    """Make ``folder`` one for ``sys.path`` in which ``tensorrt`` lies; about 120 MB are fetched.

    Raises:
        RigError: another system, no compiler, or the wheels cannot be had.
    """
    if (platform.system(), platform.machine()) != ("Linux", "x86_64") or not shutil.which("gcc"):
        raise RigError("the rig for TensorRT needs Linux on x86_64, and gcc")
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    library = part / "tensorrt" / "lib"
    library.mkdir(parents=True)
    wheels = part / "wheels"
    for wheel in (BINDINGS, LIBRARIES):
        _run(
            *(sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:"),
            *("--retries", "1", "--timeout", "20", "--dest", str(wheels), wheel),
        )
    for file in wheels.glob("*.whl"):
        zipfile.ZipFile(file).extractall(wheels)
    shutil.move(wheels / "tensorrt_bindings", part)
    for name in ("libtensorrt_rtx.so.1", "libtensorrt_onnxparser_rtx.so.1"):
        (found,) = (wheels / "onnxruntime_ep_nv_tensorrt_rtx").glob(f"{name}*")
        shutil.move(found, library / name)
    source = Path(__file__).with_name("shim.c")
    for part_name, name in SHIMS.items():
        _run(
            *("gcc", "-O1", "-shared", "-fPIC", f"-D{part_name}", f"-Wl,-soname,{name}"),
            *("-o", str(library / name), str(source), "-ldl"),
        )
    (part / "tensorrt" / "__init__.py").write_text(MODULE.format(names=list(SHIMS.values())))
    shutil.rmtree(wheels)
    part.rename(folder)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RigError(f"the rig for TensorRT cannot be made: {done.stderr.strip().splitlines()[-1]}")
