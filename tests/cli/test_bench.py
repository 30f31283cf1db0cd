"""``stream-unmask bench`` as a user meets it."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import pytest

from stream_unmask.cli.main import main

FRAMES = 6


@pytest.fixture(scope="module")
def run(masked_clip: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Path]:
    """What one run of the command said, and the folder that it wrote to."""
    folder = tmp_path_factory.mktemp("bench")
    options = ["--streams", "1,2", "--frames", str(FRAMES), "--threads", "1", "--batch", "1,2"]
    engine = ["--backend", "openvino", "--precision", "fp32"]
    files = ["--json", "bench.json", "--plot", "bench.png"]
    command = [sys.executable, "-m", "stream_unmask", "bench", str(masked_clip), *engine, *options, *files]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout, folder


@pytest.fixture(scope="module")
def results(run: tuple[str, Path]) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((run[1] / "bench.json").read_text())["results"]
    return found


def test_it_says_what_was_measured_on_what(run: tuple[str, Path]) -> None:
    said, folder = run
    for part in (
        "CPU",
        "on the CPU, fp32",
        "libavcodec",
        "floor",
        "dropped",
        "Scaling of openvino fp32 by streams",
        "The networks alone, openvino fp32",
        "openvino fp32 takes 1 face a run at most",
    ):
        assert part in said
    assert sorted(path.name for path in folder.iterdir()) == ["bench.json", "bench.png"]


def test_the_plot_is_a_picture(run: tuple[str, Path]) -> None:
    with av.open(run[1] / "bench.png") as container:
        assert container.streams.video[0].codec.name == "png"
        assert next(container.decode(video=0)).width > 1000


def test_every_point_has_its_floor(results: list[dict[str, Any]]) -> None:
    openvino = {"backend": "openvino", "precision": "fp32"}
    seen = [(each["contender"], each["point"]["streams"]) for each in results]
    assert seen == [(None, 1), (openvino, 1), (None, 2), (openvino, 2)]


def test_frames_add_up(results: list[dict[str, Any]]) -> None:
    for result in results:
        streams, measurement = result["point"]["streams"], result["measurement"]
        throughput, live = measurement["throughput"], measurement["live"]
        assert throughput["frames"] == live["offered"] == streams * FRAMES
        assert throughput["fps"] == pytest.approx(throughput["frames"] / throughput["usage"]["seconds"])
        assert live["written"] + live["dropped"] == live["offered"]
        assert live["latency"]["runs"] == live["written"] > 0
        assert measurement["peak_memory_mib"] > 50
        assert throughput["usage"]["cores"] > 0


def test_every_face_of_every_frame_was_unmasked(results: list[dict[str, Any]]) -> None:
    for result in results:
        throughput = result["measurement"]["throughput"]
        if result["contender"] is None:
            assert throughput["stages"] == {}
            assert throughput["faces"] == 0
        else:
            assert throughput["faces"] == throughput["frames"]
            assert throughput["stages"]["compute"]["runs"] == throughput["frames"]
            assert throughput["stages"]["composite"]["runs"] == throughput["faces"]
            first, *_, last = throughput["stages"]
            assert (first, last) == ("decode", "encode")


def test_percentiles_are_in_order(results: list[dict[str, Any]]) -> None:
    for result in results:
        measurement = result["measurement"]
        spreads = [measurement["live"]["latency"], *measurement["throughput"]["stages"].values()]
        for spread in spreads:
            ordered = [spread[key] for key in ("least", "p50", "p95", "p99", "most")]
            assert ordered == sorted(ordered)
            assert ordered[0] >= 0
            assert spread["least"] <= spread["mean"] <= spread["most"]
            assert spread["total"] == pytest.approx(spread["runs"] * spread["mean"])


def test_the_networks_alone_are_in_the_json(run: tuple[str, Path]) -> None:
    networks = json.loads((run[1] / "bench.json").read_text())["networks"]["openvino fp32"]
    (one,) = networks["times"]
    assert one["batch"] == 1
    assert 0 < one["segment"]["p50"] < one["both"]["p95"]
    gmac = networks["gmacs"]["segmenter"] + networks["gmacs"]["generator"]
    assert one["gflops"] == pytest.approx(2 * gmac * one["faces_per_second"])


BAD = {
    "missing file": (["gone.mp4"], 1, "gone.mp4"),
    "no video": (["text.mp4"], 1, "text.mp4"),
    "camera": (["rtsp://user:secret@camera/"], 1, "needs a file"),
    "folder of the JSON missing": (["--json", "nowhere/a.json"], 1, "nowhere does not exist"),
    "folder of the plot missing": (["--plot", "nowhere/a.png"], 1, "nowhere does not exist"),
    "faces in a clip that is there": (["clip.mp4", "--faces", "2"], 2, "test clip"),
    "no faces": (["--faces", "0"], 2, "1 to 16"),
    "too many faces": (["--faces", "1,17"], 2, "1 to 16"),
    "no number": (["--streams", "1,,2"], 2, "1 to 16"),
    "too large a batch": (["--batch", "8,65"], 2, "1 to 64"),
    "odd size": (["--size", "641x360"], 2, "even sizes"),
    "tiny size": (["--size", "32x32"], 2, "even sizes"),
    "no size": (["--size", "720p"], 2, "even sizes"),
    "no such precision": (["--precision", "fp7"], 2, "fp7"),
    "no such backend": (["--backend", "magic"], 2, "magic"),
}


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["stream-unmask", "bench", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    return int(end.value.code or 0)


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_refused_before_anything_is_measured(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.mp4").write_text("not a video")
    arguments, code, sentence = BAD[case]
    assert call(monkeypatch, *arguments) == code
    said = capsys.readouterr()
    assert sentence in said.err
    assert "secret" not in said.err + said.out
    assert [path.name for path in tmp_path.iterdir()] == ["text.mp4"]


@pytest.mark.parametrize(("package", "arguments"), [("matplotlib", ["--plot", "a.png"]), ("skimage", [])])
def test_a_missing_package_is_named_with_the_way_to_get_it(
    package: str, arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        "stream_unmask.cli.bench.find_spec", lambda name: None if name == package else find_spec(name)
    )
    assert call(monkeypatch, *arguments) == 1
    assert "pip install 'stream-unmask[bench]'" in capsys.readouterr().err
