"""What is installed without any extra: every module is imported, or says which extra it needs."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKED = (
    *("c2pa", "cuda", "lightning", "lightning_fabric", "matplotlib", "onnx", "onnxscript", "pynvml"),
    *("fsspec", "ray"),
    *("skimage", "tensorboardX", "tensorrt", "torch", "torch_tensorrt", "torchmetrics", "tensorrt_rtx"),
)

# None in sys.modules is how Python itself says that a module is not to be had.
BARE = f"""
import sys
sys.modules.update(dict.fromkeys({BLOCKED!r}))
"""

IMPORT_ALL = """
from importlib import import_module
from stream_unmask.errors import missing_extra
for name in sys.argv[1:]:
    try:
        import_module(name)
    except ModuleNotFoundError as error:
        print(name, missing_extra(error) or f"FAILED: {error}")
"""

RUN = """
from stream_unmask.cli.main import main
sys.argv[0] = "stream-unmask"
main()
"""


def bare(code: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run Python as on a machine without the extras."""
    command = [sys.executable, "-c", BARE + code, *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT)


def test_every_module_is_imported_or_says_what_it_needs() -> None:
    paths = [
        path.relative_to(ROOT).with_suffix("")
        for package in ("stream_unmask", "engines", "trainer", "benchmarks")
        for path in sorted((ROOT / package).rglob("*.py"))
        if path.name != "__main__.py"
    ]
    done = bare(IMPORT_ALL, *(".".join(path.parts).removesuffix(".__init__") for path in paths))
    assert done.returncode == 0, done.stderr
    lacking = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert {name: said for name, said in lacking.items() if "pip install" not in said} == {}
    product = ("stream_unmask.", "engines.choose", "engines.contract", "engines.backends.tensorrt.")
    needing = {name for name in lacking if name.startswith(product)}
    allowed = (
        "stream_unmask.cli.",
        "stream_unmask.inpainting.gpu.",
        "stream_unmask.synth.",
        "stream_unmask.fleet.",
    )
    assert {name for name in needing if not name.startswith(allowed)} == set()


def test_a_system_without_posix_locks_can_unmask() -> None:
    code = "import sys; sys.modules['fcntl'] = None; import stream_unmask.cli.engines, stream_unmask.api"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0


@pytest.mark.parametrize(
    ("command", "extra"),
    [
        ("train", "train"),
        ("evaluate", "train"),
        ("export", "train"),
        ("quantize", "train"),
        ("plot", "bench"),
        ("demo", "demo"),
        ("fleet", "fleet"),
        ("bench", "bench"),
    ],
)
def test_a_command_says_which_extra_it_needs(command: str, extra: str) -> None:
    done = bare(RUN, command)
    assert done.returncode == 1
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    assert line.startswith("stream-unmask: ")
    assert line.endswith(f"pip install 'stream-unmask[{extra}]'.")
