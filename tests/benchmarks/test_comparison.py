"""What is measured and in which order; the measuring itself is put aside here."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import av
import pytest
from rich.console import Console

from benchmarks import comparison as comparing
from benchmarks.comparison import Comparison, ComparisonPlan, Point, base_point, compare, points_along
from benchmarks.latency import Live, Measurement, Throughput, Workload
from benchmarks.networks import Batches, BatchTime, NetworkTimes
from benchmarks.plots import plot
from benchmarks.spread import Spread
from benchmarks.tables import as_json, share, show
from benchmarks.usage import GPUUse, Usage
from engines import Selection
from engines.engine import EngineError

BASE = Point((128, 96))
DOCS = Path(__file__).parents[2] / "docs" / "benchmarks.md"


def measured(workload: Workload, *, gpu: GPUUse | None = None) -> Measurement:
    spread = Spread.of([0.03, 0.04, 0.1])
    assert spread is not None
    usage = Usage(2.0, 1.5, 0.0, gpu)
    stages = {} if workload.settings is None else {"compute": spread, "segment": spread}
    throughput = Throughput(workload.frames, 3, workload.frames / 2, 1.5, usage, stages)
    engine = None if workload.settings is None else f"{workload.settings.backend} 1.0"
    return Measurement(engine, 0.5, throughput, Live(25.0, 10, 9, 1, spread, usage), 100.0)


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Workload]:
    """What would have been measured."""
    workloads: list[Workload] = []

    def measure(workload: Workload) -> Measurement:
        workloads.append(workload)
        return measured(workload)

    monkeypatch.setattr(comparing, "alone", lambda function, workload: measure(workload))
    return workloads


@pytest.fixture
def without_openvino(monkeypatch: pytest.MonkeyPatch) -> None:
    def select(backend: str, precision: str) -> Selection:
        if backend != "onnxruntime":
            raise EngineError(f"{backend} is not installed.")
        return Selection(backend, ())

    monkeypatch.setattr(comparing, "select_backend", select)


def backends(workloads: list[Workload]) -> list[str | None]:
    return [None if each.settings is None else each.settings.backend for each in workloads]


def quietly(_: str) -> None:
    pass


def test_the_floor_comes_first_and_what_cannot_run_is_named(
    masked_clip: Path, seen: list[Workload], without_openvino: None
) -> None:
    plan = ComparisonPlan(points=(base_point(masked_clip, BASE),), video=masked_clip, frames=7, threads=3)
    result = compare(plan, quietly)
    assert backends(seen) == [None, "onnxruntime"]
    assert {each.clip for each in seen} == {masked_clip}
    assert {each.frames for each in seen} == {7}
    assert seen[1].settings is not None
    assert seen[1].settings.threads == 3
    assert result.base == Point((640, 360), None, 1)
    assert result.not_run["openvino"] == "openvino is not installed."


def test_a_backend_named_must_run(masked_clip: Path, seen: list[Workload], without_openvino: None) -> None:
    plan = ComparisonPlan(points=(BASE,), video=masked_clip, backends=("openvino",))
    with pytest.raises(EngineError, match="openvino is not installed"):
        compare(plan, quietly)


def test_every_backend_in_every_precision(masked_clip: Path, seen: list[Workload]) -> None:
    plan = ComparisonPlan(
        points=(BASE,),
        video=masked_clip,
        backends=("openvino", "onnxruntime"),
        precisions=("fp32", "int8"),
    )
    result = compare(plan, quietly)
    names = ["openvino fp32", "openvino int8", "onnxruntime fp32", "onnxruntime int8"]
    assert [each.name for each in result.results] == ["floor", *names]
    settings = [each.settings for each in seen[1:]]
    assert [each.precision for each in settings if each is not None] == ["fp32", "int8"] * 2


def test_each_point_gets_a_clip_of_its_own_and_the_floor_that_belongs_to_it(
    seen: list[Workload], monkeypatch: pytest.MonkeyPatch
) -> None:
    shapes = []

    def look(_: object, workload: Workload) -> Measurement:
        seen.append(workload)
        with av.open(workload.clip) as container:
            video = container.streams.video[0]
            shapes.append((video.width, video.height, video.frames))
        return measured(workload)

    monkeypatch.setattr(comparing, "alone", look)
    points = points_along(BASE, [2], [(160, 96)], [4])
    result = compare(ComparisonPlan(points=points, backends=("onnxruntime",), frames=3), quietly)
    assert backends(seen) == [None, "onnxruntime", "onnxruntime", None, "onnxruntime", None, "onnxruntime"]
    assert [each.streams for each in seen] == [1, 1, 1, 1, 1, 4, 4]
    assert shapes == [(128, 96, 3)] * 3 + [(160, 96, 3)] * 2 + [(128, 96, 3)] * 2
    assert seen[0].clip == seen[1].clip != seen[2].clip
    assert [each.point.faces for each in result.scaling("faces")] == [1, 2]
    assert [each.point.size for each in result.scaling("size")] == [(128, 96), (160, 96)]
    assert [each.point.streams for each in result.scaling("streams")] == [1, 4]
    assert result.floor_of(points[2]) is result.results[3]


def test_the_networks_alone_are_measured_of_each_contender(
    masked_clip: Path, seen: list[Workload], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[Batches] = []
    spread = Spread.of([0.01])
    assert spread is not None
    times = NetworkTimes("fake", 4, {"segmenter": 0.2}, [BatchTime(4, spread, spread, spread, 400.0, 160.0)])

    def look(_: object, load: Workload | Batches) -> Measurement | NetworkTimes:
        if isinstance(load, Workload):
            return measured(load)
        loads.append(load)
        return times

    monkeypatch.setattr(comparing, "alone", look)
    both = ("openvino", "onnxruntime")
    plan = ComparisonPlan(points=(BASE,), video=masked_clip, backends=both, threads=2, batches=(1, 4))
    result = compare(plan, quietly)
    assert [(each.backend, each.threads, each.sizes) for each in loads] == [(one, 2, (1, 4)) for one in both]
    assert result.networks == dict.fromkeys(both, times)


def test_a_process_that_dies_is_a_sentence() -> None:
    with pytest.raises(EngineError, match="measured the floor died"):
        comparing.alone(die, Workload(clip=Path("x"), frames=1))


def die(_: Workload) -> Measurement:
    os._exit(11)


@pytest.fixture
def comparison(masked_clip: Path, seen: list[Workload]) -> Comparison:
    base = base_point(masked_clip, BASE)
    return compare(
        ComparisonPlan(points=points_along(base, streams=[2]), video=masked_clip, frames=4), quietly
    )


def test_the_json_is_whole(comparison: Comparison) -> None:
    content = json.loads(as_json(comparison))
    assert content["schema"] == 1
    assert content["machine"]["versions"]["av"]
    assert [each["contender"] for each in content["results"][:2]] == [
        None,
        {"backend": "openvino", "precision": "auto"},
    ]
    assert content["results"][1]["measurement"]["throughput"]["stages"]["segment"]["p50"] == 40.0
    assert content["results"][1]["measurement"]["throughput"]["usage"]["gpu"] is None


def test_the_tables_fit_a_terminal(comparison: Comparison) -> None:
    console = Console(record=True, width=80, file=io.StringIO())
    show(comparison, console)
    said = console.export_text()
    assert "floor" in said
    assert "Scaling of openvino by streams" in said
    assert "GPU MiB" not in said
    assert "…" not in said
    assert "Other programs" not in said


def test_one_row_is_shared_with_others(comparison: Comparison) -> None:
    row = share(comparison)
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert row.count("\n") == 0
    assert cells[0].startswith(f"{comparison.machine.cores} cores of ")
    assert cells[2:8] == ["openvino 1.0", cells[3], cells[4], "1.00", "94", "0.0"]
    assert float(cells[4]) == comparison.results[1].measurement.throughput.fps
    heading = next(line for line in DOCS.read_text().splitlines() if line.startswith("| machine |"))
    assert heading.count("|") == row.count("|")


def test_what_streams_share_is_said(comparison: Comparison) -> None:
    comparison.results[-1].measurement.throughput.batches["segmenter"] = 1.75
    console = Console(record=True, width=120, file=io.StringIO())
    show(comparison, console)
    assert "openvino, 640x360, 2 streams: 1.8 a run of the segmenter." in console.export_text()


def test_a_machine_that_was_busy_is_said_to_be(comparison: Comparison) -> None:
    comparison.results[2].measurement.live.usage.others = 1.5
    console = Console(record=True, width=80, file=io.StringIO())
    show(comparison, console)
    assert "up to 1.5 of" in console.export_text()


def test_a_point_that_fails_does_not_take_the_others_with_it(
    masked_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_at_two(_: object, workload: Workload) -> Measurement:
        if workload.streams == 2 and workload.settings is not None:
            raise EngineError("The process died.")
        return measured(workload)

    monkeypatch.setattr(comparing, "alone", fail_at_two)
    base = base_point(masked_clip, BASE)
    plan = ComparisonPlan(
        points=points_along(base, streams=[2, 3]), video=masked_clip, backends=("openvino",)
    )
    result = compare(plan, quietly)
    assert [each.point.streams for each in result.scaling("streams")] == [1, 3]
    assert result.not_run == {"openvino with 640x360, 2 streams": "The process died."}


def test_gpu_columns_where_there_is_a_gpu(comparison: Comparison) -> None:
    used = GPUUse("A GPU", 321.0, 8.0)
    comparison.results[1].measurement.throughput.usage.gpu = used
    console = Console(record=True, width=120, file=io.StringIO())
    show(comparison, console)
    said = console.export_text()
    assert "321" in said
    assert "2.00" in said  # joules a frame


def test_a_plot_is_a_png_of_every_axis(comparison: Comparison, tmp_path: Path) -> None:
    plot(comparison, tmp_path / "plot.png")
    with av.open(tmp_path / "plot.png") as container:
        picture = next(container.decode(video=0))
        assert container.streams.video[0].codec.name == "png"
    assert picture.height > 600
    assert [each.name for each in tmp_path.iterdir()] == ["plot.png"]
