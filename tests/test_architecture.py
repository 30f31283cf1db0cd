"""Who may import whom. What breaks this turns layers into a knot."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("stream_unmask", "engines", "trainer", "benchmarks", "tests")

# The command line is the entry to everything; the trainer aligns faces with the very code that video uses.
ALLOWED = {
    "engines": {"engines"},
    # Photos are read by the trainer; what it complains of is said as its own commands say it.
    # The bundled weights, which may be named where one writes to, lie in the product.
    "engines/export.py": {"engines", "trainer", "stream_unmask.bundled", "stream_unmask.errors"},
    "engines/quantize.py": {"engines", "stream_unmask.bundled", "stream_unmask.errors"},
    "stream_unmask": {"stream_unmask", "engines"},
    "stream_unmask/cli": set(PACKAGES) - {"tests"},
    # On real masks there is no truth: what is measured is the product itself.
    "trainer/evaluation/real.py": {"trainer", "engines", "stream_unmask"},
    # Photos are searched for faces as the product searches them.
    "trainer/packing": {"trainer", "engines", "stream_unmask"},
    "trainer": {
        "trainer",
        "engines.contract",
        "engines.engine",
        "engines.export",
        "stream_unmask.bundled",
        "stream_unmask.faces",
        "stream_unmask.errors",
        # A differentiable reading of an ONNX file: the face detector as a perceptual network.
        "engines.pytorch_graph",
        # Maps are prepared for the generator in training as they are in use.
        "stream_unmask.unmasking.segmenting",
    },
}


def imports(path: Path) -> set[str]:
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return {name for name in found if name.split(".")[0] in PACKAGES}


def at_import(tree: ast.Module) -> set[str]:
    """What a module imports when it is imported itself, whatever types are checked with."""
    return {node.module or "" for node in tree.body if isinstance(node, ast.ImportFrom)}


def rule_for(path: Path) -> set[str]:
    name = path.relative_to(ROOT).as_posix()
    return ALLOWED[max((prefix for prefix in ALLOWED if name.startswith(prefix)), key=len)]


def sources() -> list[Path]:
    return sorted(
        path for package in ("engines", "stream_unmask", "trainer") for path in (ROOT / package).rglob("*.py")
    )


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(ROOT).as_posix())
def test_imports_point_downwards(path: Path) -> None:
    allowed = rule_for(path)
    for name in imports(path):
        assert any(name == rule or name.startswith(f"{rule}.") for rule in allowed), (
            f"{path.name} imports {name}"
        )


def test_the_product_runs_without_torch() -> None:
    # The work on pixels on a GPU is in torch; only functions, once there is a GPU, import it.
    for path in (ROOT / "stream_unmask").rglob("*.py"):
        if path.parent.name == "gpu":
            continue
        tree = ast.parse(path.read_text())
        assert not any(name.startswith("stream_unmask.gpu") for name in at_import(tree)), path
        names = {
            alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not any(name.split(".")[0] == "torch" for name in names | modules), path
