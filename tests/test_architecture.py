"""Who may import whom. What breaks this turns layers into a knot."""

from __future__ import annotations

import ast
import sys
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGES = ("stream_unmask", "engines", "trainer", "benchmarks")

# What each package, or room of one, may import of the house. The longest name that fits a module counts.
MAY_IMPORT = {
    "engines": {"engines"},
    "trainer": {"trainer", "engines", "stream_unmask"},
    "benchmarks": {"benchmarks", "trainer", "engines", "stream_unmask"},
    "stream_unmask": {"stream_unmask", "engines"},
    "stream_unmask.synth": {
        "stream_unmask.synth",
        "stream_unmask.faces.alignment",
        "stream_unmask.faces.trusting",
        "stream_unmask.faces.warping",
    },
    # The command line is the entry to everything.
    "stream_unmask.cli": set(PACKAGES),
}

# The rooms of the product from the ground up: none imports from one above it, nor from its neighbours.
FLOORS = (
    {"errors", "version", "checks", "terminal", "bundled", "heap"},
    {"whole", "tars"},
    {"report"},
    {"pixels"},
    {"video"},
    {"faces"},
    {"marks"},
    {"inpainting", "synth"},
    {"settings"},
    {"networks", "memory"},
    {"pipeline"},
    {"given", "survey"},
    {"running"},
    {"output"},
    {"api", "verifying"},
    {"cameras"},
    {"fleet"},
    {"web"},
    {"cli"},
)


@cache
def modules() -> dict[str, ast.Module]:
    """Every module of the house by its dotted name."""
    return {
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__"): ast.parse(
            path.read_text()
        )
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
    }


@cache
def imported(tree: ast.AST) -> frozenset[str]:
    """What a tree imports of the house, anywhere in it."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return frozenset(name for name in found if name.split(".")[0] in PACKAGES)


def under(name: str, roof: str) -> bool:
    return name == roof or name.startswith(f"{roof}.")


def test_packages_import_only_what_lies_below_them() -> None:
    offenders = []
    for name, tree in modules().items():
        allowed = MAY_IMPORT[max((rule for rule in MAY_IMPORT if under(name, rule)), key=len)]
        offenders += [
            f"{name} imports {other}"
            for other in imported(tree)
            if not any(under(other, rule) for rule in allowed)
        ]
    assert offenders == []


def test_the_rooms_of_the_product_import_only_what_lies_below_them() -> None:
    floor = {room: height for height, rooms in enumerate(FLOORS) for room in rooms}
    offenders = []
    for name, tree in modules().items():
        if not name.startswith("stream_unmask."):
            continue
        room = name.split(".")[1]
        if room not in floor:
            assert room == "__main__", f"{name} stands on no floor"
            continue
        for other in imported(tree):
            above = other.split(".")[1] if other.startswith("stream_unmask.") else room
            if above != room and floor.get(above, -1) >= floor[room]:
                offenders.append(f"{name} imports {other}")
    assert offenders == []


def test_no_import_runs_in_a_circle() -> None:
    everything = modules()
    graph = {name: imported(tree) & everything.keys() - {name} for name, tree in everything.items()}
    # A package's own __init__ gathers names of its rooms, lazily.
    graph["stream_unmask"] = frozenset()
    circle: list[str] = []
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle = error.args[1]
    assert circle == []


def test_the_product_runs_without_torch() -> None:
    # The work on pixels on a GPU is in torch; only functions, once there is a GPU, import it.
    offenders = []
    for name, tree in modules().items():
        free = any(under(name, room) for room in ("stream_unmask.inpainting.gpu", "stream_unmask.cli"))
        if under(name, "stream_unmask") and not free:
            offenders += [f"{name} imports {other}" for other in at_import(tree) if is_for_a_gpu(other)]
    assert offenders == []


def test_the_synthesiser_needs_numpy_and_opencv_only() -> None:
    allowed = {"numpy", "cv2", "stream_unmask", *sys.stdlib_module_names}
    offenders = [
        f"{name} imports {other}"
        for name, tree in modules().items()
        if under(name, "stream_unmask.synth")
        for other in at_import(tree)
        if other.split(".")[0] not in allowed
    ]
    assert offenders == []


def at_import(tree: ast.Module) -> list[str]:
    """What a module imports when it is imported itself, whatever types are checked with."""
    found: list[str] = []
    for node in tree.body:
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.append(node.module)
    return found


def is_for_a_gpu(name: str) -> bool:
    return under(name, "torch") or under(name, "stream_unmask.inpainting.gpu")


def test_the_work_on_a_gpu_takes_from_that_on_the_cpu_what_the_cpu_does_for_it_and_no_numbers() -> None:
    taken = {
        other
        for name, tree in modules().items()
        if under(name, "stream_unmask.inpainting.gpu")
        for other in imported(tree)
        if under(other, "stream_unmask.inpainting.cpu")
    }
    spread = "stream_unmask.inpainting.cpu.blending"
    assert taken == {spread, f"{spread}.spread"}


def test_twins_have_the_same_files() -> None:
    on_cpu, on_gpu = (
        {path.stem for path in (ROOT / "stream_unmask" / "inpainting" / room).glob("*.py")}
        for room in ("cpu", "gpu")
    )
    # A GPU's networks resize for themselves and run for every frame, and nothing is compiled ahead there.
    assert on_cpu - on_gpu == {"carrying", "generating", "warming"}


# Functions that run what a file says, and what makes those safe that are used.
RUNS_FILES = {"pickle", "marshal", "shelve", "dill", "joblib"}
CALLS = {"eval", "exec"}
SAFE = {"torch.load": ("weights_only", True), "np.load": ("allow_pickle", False)}


def name_of(call: ast.Call) -> str:
    return ast.unparse(call.func)


def test_no_file_of_others_is_run() -> None:
    found = []
    for module, tree in modules().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
                found += [f"{module}: {name}" for name in names if name.partition(".")[0] in RUNS_FILES]
            elif isinstance(node, ast.Call):
                given = {word.arg: getattr(word.value, "value", None) for word in node.keywords}
                key, value = SAFE.get(name_of(node), ("", None))
                unsafe = (
                    name_of(node) in CALLS
                    or given.get("shell") is True
                    or (key and given.get(key) is not value)
                )
                found += [f"{module}: {ast.unparse(node)}"] if unsafe else []
    # A stream on its way between two workers of one run: what Ray brings, Ray has unpickled.
    # What one process of a command leaves to the next, in memory that nobody else reaches.
    assert found == ["stream_unmask.cli.ledger: pickle", "stream_unmask.fleet.handover: pickle"]
