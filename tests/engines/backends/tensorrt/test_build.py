"""Parsing and building with TensorRT's own parser and a real compiler; nothing here needs a GPU."""

from __future__ import annotations

import _thread
import signal
import threading
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper
from rich.progress import Progress

from engines.backends.tensorrt.build import build, parse
from engines.backends.tensorrt.flavour import Flavour
from engines.backends.tensorrt.plan import BuildOptions
from engines.backends.tensorrt.progress import progress_monitor, run_stoppable
from engines.contract import (
    FILE_PRECISIONS,
    GENERATOR,
    SEGMENTER,
    WEARER,
    FilePrecision,
    Network,
    read_weights,
)
from engines.engine import EngineError
from engines.files.half import to_half
from engines.parity import pictures
from stream_unmask.bundled import BUNDLED_WEIGHTS
from tests.engines.backends.tensorrt.conftest import SIZE, tiny_network
from trainer.quantize import to_int8

pytestmark = pytest.mark.tensorrt

# There is no int8 file of what puts masks on.
BUNDLED = [
    *((kind, precision) for kind in (SEGMENTER, GENERATOR) for precision in FILE_PRECISIONS),
    (WEARER, "fp32"),
    (WEARER, "fp16"),
]


def compiled_file(kind: Network, precision: FilePrecision, folder: Path) -> Path:
    """A bundled network's file in a precision; int8 is calibrated on noise, which changes numbers only."""
    source = read_weights(BUNDLED_WEIGHTS, kind)
    made = folder / f"{kind.name}.{precision}.onnx"
    match precision:
        case "fp32":
            return source.path
        case "fp16":
            to_half(source.path, made)
        case "int8":
            shapes = {name: (2, channels, source.size, source.size) for name, channels in kind.inputs.items()}
            to_int8(source.path, made, {name: pictures(shape, 0) for name, shape in shapes.items()})
    return made


@pytest.mark.parametrize(("kind", "precision"), BUNDLED, ids=lambda part: getattr(part, "name", part))
def test_the_bundled_networks_are_built(
    rig: Flavour, tmp_path: Path, kind: Network, precision: FilePrecision
) -> None:
    file = compiled_file(kind, precision, tmp_path)
    parsed = parse(file, rig.api.Builder(rig.log), rig)
    layers = [parsed.get_layer(number) for number in range(parsed.num_layers)]
    types = {layer.get_output(0).dtype for layer in layers if layer.type == rig.api.LayerType.CONVOLUTION}
    assert (rig.api.DataType.HALF in types) == (precision == "fp16")
    assert any(layer.type == rig.api.LayerType.QUANTIZE for layer in layers) == (precision == "int8")
    ports = [parsed.get_input(number) for number in range(parsed.num_inputs)]
    ports += [parsed.get_output(number) for number in range(parsed.num_outputs)]
    assert {port.dtype for port in ports} == {rig.api.DataType.FLOAT}

    content, timing = build(file, BuildOptions(), rig)
    # The weights are in the engine, and what was learnt about this machine is kept.
    assert len(content) > 0.4 * read_weights(BUNDLED_WEIGHTS, kind).path.stat().st_size
    assert timing


@pytest.mark.parametrize(
    "options",
    [
        BuildOptions(max_batch=1),
        BuildOptions(max_batch=32, tuned_batch=32),
        BuildOptions(level=0, workspace=16),
        BuildOptions(level=5),
    ],
    ids=str,
)
def test_every_profile_and_effort_is_taken(rig: Flavour, network: Path, options: BuildOptions) -> None:
    content, _ = build(network, options, rig)
    assert content


def test_a_timing_cache_that_is_damaged_is_replaced(rig: Flavour, network: Path) -> None:
    _, fresh = build(network, BuildOptions(), rig)
    _, again = build(network, BuildOptions(), rig, fresh)
    _, mended = build(network, BuildOptions(), rig, b"not a timing cache")
    assert len(fresh) == len(again) == len(mended)


def test_every_error_of_the_parser_is_said(rig: Flavour, tmp_path: Path) -> None:
    ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("n", 3, 4, 4)) for name in "xy"]
    nodes = [
        helper.make_node("NoSuchThing", ["x"], ["z"], name="first"),
        helper.make_node("NorThis", ["z"], ["y"], name="second"),
    ]
    graph = helper.make_graph(nodes, "odd", ports[:1], ports[1:])
    path = tmp_path / "odd.onnx"
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10), path)
    with pytest.raises(EngineError, match="cannot read odd.onnx: .*first.*NoSuchThing.*second.*NorThis"):
        build(path, BuildOptions(), rig)


def test_a_file_that_is_no_network_is_refused(rig: Flavour, tmp_path: Path) -> None:
    (tmp_path / "n.onnx").write_bytes(b"not a network")
    with pytest.raises(EngineError, match="cannot read n.onnx: .*Failed to parse the ONNX model"):
        build(tmp_path / "n.onnx", BuildOptions(), rig)


@pytest.mark.parametrize("sides", [(1, 3, SIZE, SIZE), ("n", 3, "h", "w")], ids=str)
def test_only_the_batch_may_be_open(rig: Flavour, tmp_path: Path, sides: tuple[str | int, ...]) -> None:
    path = tiny_network(tmp_path / "n.onnx", open_sides=sides)
    with pytest.raises(EngineError, match="must leave its batch open and no other side"):
        build(path, BuildOptions(), rig)


def test_what_the_compiler_refuses_is_said(rig: Flavour) -> None:
    # Exchangeable weights need a GPU already when they are built.
    file = read_weights(BUNDLED_WEIGHTS, SEGMENTER).path
    with pytest.raises(EngineError, match=r"cannot build segmenter.onnx: .*Error Code 1"):
        build(file, BuildOptions(refittable=True), rig)


def test_a_build_can_be_stopped(rig: Flavour, network: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    def stopped(api: object, bars: Progress, stop: threading.Event) -> object:
        monitor = progress_monitor(api, bars, stop)
        begin = monitor.phase_start

        def phase_start(name: str, parent: str | None, steps: int) -> None:
            seen.append(name)
            begin(name, parent, steps)
            stop.set()

        monitor.phase_start = phase_start
        return monitor

    monkeypatch.setattr("engines.backends.tensorrt.build.progress_monitor", stopped)
    with pytest.raises(EngineError, match="cannot build tiny.onnx: it was stopped"):
        build(network, BuildOptions(), rig)
    assert seen


def test_ctrl_c_ends_the_build_and_is_passed_on() -> None:
    stop, ended = threading.Event(), threading.Event()

    def work() -> None:
        _thread.interrupt_main()
        assert stop.wait(10)
        ended.set()

    # A shell that runs the tests in the background has Ctrl-C ignored.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run_stoppable(work, stop)
    finally:
        signal.signal(signal.SIGINT, before)
    assert ended.is_set()


def test_the_progress_is_shown_phase_by_phase(rig: Flavour, network: Path) -> None:
    bars, lines = Progress(), set[str]()
    builder = rig.api.Builder(rig.log)
    parsed = parse(network, builder, rig)
    assert parsed.num_inputs == 1
    monitor = progress_monitor(rig.api, bars, threading.Event())
    monitor.phase_start("outer", None, 2)
    monitor.phase_start("inner", "outer", 5)
    assert monitor.step_complete("inner", 3)
    lines = {f"{task.description}:{task.completed}/{task.total}" for task in bars.tasks}
    assert lines == {"outer:0/2", "  inner:4/5"}
    monitor.phase_finish("inner")
    assert [task.description for task in bars.tasks] == ["outer"]
