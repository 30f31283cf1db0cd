"""The command line as a user meets it: what it does, what it says, and what it leaves behind."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from engines import choose
from engines.contract import GENERATOR, WeightsFile, enter_weights
from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.output.pictures import write_image
from stream_unmask.video.images import read_image
from tests.cli.calling import call
from tests.support.waiting import GUARD, wait_until


def frames(path: Path) -> int:
    with av.open(path) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_video_to_video_with_a_report(
    here: Path, masked_clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--backend", "openvino", "--report", "report.json", "--watermark"]
    assert call(monkeypatch, masked_clip, "-o", "ein Ergebnis äöü.mp4", *options) == 0
    assert frames(here / "ein Ergebnis äöü.mp4") == 24
    (report,) = json.loads((here / "report.json").read_text())
    assert report["frames"] == 24
    assert report["faces"][0]["masked_frames"] == 24
    assert {"decode", "follow", "segment", "generate", "composite", "encode"} <= set(report["stages"])
    said = capsys.readouterr().err
    assert "Engine: OpenVINO" in said
    assert "24 frames" in said
    assert "1 of 1 faces unmasked" in said


def test_a_video_without_masks_is_copied(
    here: Path, bare_clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["-o", "out.mp4", "--copy-untouched", "--backend", "openvino", "--report", "report.json"]
    assert call(monkeypatch, bare_clip, *options) == 0
    (report,) = json.loads((here / "report.json").read_text())
    assert (report["frames"], report["copied"]) == (24, 24)
    assert "24 frames (24 copied)" in capsys.readouterr().err
    with av.open(bare_clip) as before, av.open(here / "out.mp4") as after:
        own, found = ([bytes(each) for each in film.demux(video=0)] for film in (before, after))
    assert found == own


def test_networks_of_ones_own_paint(
    here: Path, masked_clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    own = here / "own"
    own.mkdir()
    for name in ("segmenter.onnx", "segmenter.int8.onnx", "manifest.json"):
        shutil.copy(BUNDLED_WEIGHTS / name, own)
    green = np.array([-1, 1, -1], np.float32).reshape(1, 3, 1, 1)
    nodes = [helper.make_node("Mul", ["crop", "none"], ["blank"])]
    nodes.append(helper.make_node("Add", ["blank", "green"], ["inpainted"]))
    ports = [
        helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", channels, 64, 64])
        for name, channels in (*GENERATOR.inputs.items(), *GENERATOR.outputs.items())
    ]
    constants = [
        numpy_helper.from_array(np.array(0, np.float32), "none"),
        numpy_helper.from_array(green, "green"),
    ]
    graph = helper.make_graph(nodes, "green", ports[:-1], ports[-1:], constants)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), own / "generator.onnx")
    sha256 = hashlib.sha256((own / "generator.onnx").read_bytes()).hexdigest()
    enter_weights(WeightsFile(own / "generator.onnx", sha256, 64, "green"), GENERATOR)
    pictures = []
    for extra in ([], ["--weights", "own"]):
        assert call(monkeypatch, masked_clip, "-o", "out.mp4", "--overwrite", "--stand-in=none", *extra) == 0
        with av.open("out.mp4") as container:
            pictures.append(next(container.decode(video=0)).to_ndarray(format="rgb24").astype(int))
    greener = (pictures[1] - pictures[0]).max(axis=(0, 1))
    assert greener[1] > 60 > greener[0]
    (own / "generator.onnx").unlink()
    assert call(monkeypatch, masked_clip, "-o", "out.mp4", "--overwrite", "--weights", "own") == 1
    assert "generator.onnx is missing" in capsys.readouterr().err


def test_without_an_output_it_is_named_after_the_input(
    here: Path, masked_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(masked_clip, here / "in.mp4")
    assert call(monkeypatch, "in.mp4", "-q") == 0
    assert frames(here / "in.unmasked.mp4") == 24


def test_quiet_says_nothing(
    here: Path, masked_clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, masked_clip, "-o", "out.mp4", "--quiet") == 0
    assert capsys.readouterr() == ("", "")


def test_a_folder_gives_a_folder_and_goes_on_where_it_stopped(
    here: Path, masked_clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "in").mkdir()
    shutil.copy(masked_clip, here / "in" / "a.mp4")
    with av.open(masked_clip) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    write_image(here / "in" / "b.png", picture)
    (here / "in" / "c.txt").write_text("not media")
    assert call(monkeypatch, "in", "-o", "out", "--save-masks") == 0
    assert sorted(path.name for path in (here / "out").iterdir()) == [
        "a.mask.mp4",
        "a.mp4",
        "b.mask.png",
        "b.png",
    ]
    assert (read_image(here / "out" / "b.png").pixels != picture).any()
    capsys.readouterr()
    (here / "out" / "b.png").unlink()
    (here / "out" / "b.mask.png").unlink()
    before = (here / "out" / "a.mp4").stat().st_mtime_ns
    assert call(monkeypatch, "in", "-o", "out") == 0
    assert "1 file was done before" in capsys.readouterr().err
    assert (here / "out" / "b.png").exists()
    assert (here / "out" / "a.mp4").stat().st_mtime_ns == before


def test_one_bad_file_of_a_folder_does_not_stop_the_others(
    here: Path, masked_clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (here / "in").mkdir()
    (here / "in" / "a.mp4").write_text("not a video")
    shutil.copy(masked_clip, here / "in" / "b.mp4")
    assert call(monkeypatch, "in", "-q") == 1
    assert [path.name for path in (here / "in.unmasked").iterdir()] == ["b.mp4"]
    assert "a.mp4" in capsys.readouterr().err


BAD = {
    "precision that the backend lacks": (
        ["clip.mp4", "--backend", "openvino", "--precision", "fp16"],
        "openvino computes in bf16, fp32, int8, not in fp16",
    ),
    "device that is not there": (["clip.mp4", "--device", "npu"], "finds no NPU on this machine, only CPU"),
    "several outputs with copies": (
        ["clip.mp4", "-o", "a.mp4", "-o", "b.mp4", "--copy-untouched"],
        "Parts can be copied as they are only from one file into one other",
    ),
    "missing file": (["gone.mp4", "-o", "out.mp4"], "gone.mp4 does not exist"),
    "folder without media": (["empty", "-o", "out"], "no video or picture"),
    "text named .mp4": (["text.mp4", "-o", "out.mp4"], "text.mp4"),
    "text named .png": (["text.png", "-o", "out.png"], "text.png"),
    "cut off in the middle": (["cut.mp4", "-o", "out.mp4"], "cut.mp4"),
    "sound only": (["sound.m4a", "-o", "out.mp4"], "no video"),
    "output folder missing": (["clip.mp4", "-o", "nowhere/out.mp4"], "does not exist"),
    "report's folder missing": (["clip.mp4", "-o", "o.mp4", "--report", "nowhere/r.json"], "does not exist"),
    "masks are there": (["clip.mp4", "-o", "kept.mp4", "--save-masks"], "kept.mask.mp4 exists already"),
    "output is input": (["clip.mp4", "-o", "./clip.mp4", "--overwrite"], "input itself"),
    "output is there": (["clip.mp4", "-o", "there.mp4"], "--overwrite"),
    "unknown container": (["clip.mp4", "-o", "out.xyz"], "xyz"),
    "codec unfit for container": (["clip.mp4", "-o", "out.webm", "--codec", "libx264"], "webm"),
    "picture as video": (["clip.mp4", "-o", "out.png"], "out.png"),
    "video as picture": (["photo.png", "-o", "out.mp4"], "No picture format is known for .mp4"),
    "camera that is not there": (["rtsp://user:secret@127.0.0.1:9/cam", "-o", "out.mp4"], "rtsp://"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_gets_one_sentence_and_leaves_nothing(
    case: str,
    here: Path,
    masked_clip: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    clip = masked_clip.read_bytes()
    (here / "clip.mp4").write_bytes(clip)
    (here / "cut.mp4").write_bytes(clip[: len(clip) // 2])
    (here / "there.mp4").write_bytes(b"precious")
    (here / "kept.mask.mp4").write_bytes(b"precious")
    (here / "text.mp4").write_text("not a video")
    (here / "text.png").write_text("not a picture")
    (here / "empty").mkdir()
    write_image(here / "photo.png", np.zeros((64, 64, 3), np.uint8))
    with av.open(here / "sound.m4a", "w", format="mp4") as container:
        stream = container.add_stream("aac", 48000, layout="mono")
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 4096), np.float32), format="fltp", layout="mono")
        silence.sample_rate = 48000
        container.mux([*stream.encode(silence), *stream.encode(None)])
    before = {path: path.stat().st_size for path in here.rglob("*")}
    arguments, sentence = BAD[case]
    assert call(monkeypatch, *arguments) == 1
    said = capsys.readouterr()
    errors = [line for line in said.err.splitlines() if line.startswith("stream-unmask: ")]
    assert len(errors) == 1
    assert sentence in errors[0]
    assert "Traceback" not in said.err
    assert "secret" not in said.err + said.out
    assert {path: path.stat().st_size for path in here.rglob("*")} == before


@pytest.mark.parametrize(
    "case",
    [
        *("output folder missing", "report's folder missing", "masks are there", "output is input"),
        *("output is there", "unknown container", "picture as video", "video as picture"),
    ],
)
def test_an_output_is_refused_before_networks_are_loaded(
    case: str, here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(settings: object) -> None:
        raise AssertionError("the networks were loaded")

    monkeypatch.setattr("stream_unmask.networks.Networks.load", load)
    for name in ("clip.mp4", "there.mp4", "kept.mask.mp4", "photo.png"):
        (here / name).touch()
    arguments, sentence = BAD[case]
    assert call(monkeypatch, *arguments) == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        *(["in.mp4", "--frobnicate"], ["in.mp4", "--detect-every", "0"], ["in.mp4", "--blend", "glue"]),
        *(["in.mp4", "--reconnect", "nan"], ["in.mp4", "--codec", "magic"], ["in.mp4", "--codec", "aac"]),
    ],
)
def test_wrong_usage_is_exit_code_2(
    arguments: list[str], here: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert call(monkeypatch, *arguments) == 2


def test_ctrl_c_keeps_what_was_done(here: Path, masked_clip: Path) -> None:
    from benchmarks.memory import lengthen

    lengthen(masked_clip, here / "long.mp4", 2000)
    command = [sys.executable, "-m", "stream_unmask", "long.mp4", "-o", "out.mp4"]
    process = subprocess.Popen(command, cwd=here, stderr=subprocess.PIPE, text=True)
    part = here / ".out.part.mp4"
    wait_until(lambda: part.exists() and part.stat().st_size > 1000, pause=0.1)
    os.kill(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=GUARD)
    assert process.returncode == 130
    assert "Traceback" not in said
    assert "out.interrupted.mp4" in said
    kept = frames(here / "out.interrupted.mp4")
    assert 0 < kept < 2000
    assert not (here / "out.mp4").exists()
    assert not part.exists()


def test_doctor_names_the_engine(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(choose, "nvidia_gpus", list)
    assert call(monkeypatch, "doctor") == 0
    said = capsys.readouterr().out
    assert "OpenVINO" in said
    assert "NVIDIA GPU" in said


def test_a_sheet_shows_the_faces(here: Path, masked_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert call(monkeypatch, "sheet", masked_clip, "-o", "sheet.png", "--every", "12", "--side", "64") == 0
    sheet = read_image(here / "sheet.png").pixels
    assert sheet.shape == (64, 2 * (3 * 64 + 4) - 4, 3)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["gone.mp4"], "gone.mp4 does not exist"),
        (["in.mp4", "-o", "there.png"], "there.png exists already (add --overwrite)"),
        (["in.mp4", "-o", "sheet.mp4"], "No picture format is known for .mp4"),
    ],
)
def test_a_sheet_is_refused_before_networks_are_loaded(
    arguments: list[str],
    sentence: str,
    here: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (here / "in.mp4").touch()
    (here / "there.png").touch()
    monkeypatch.setattr("stream_unmask.networks.Networks.load", lambda settings: pytest.fail("loaded"))
    assert call(monkeypatch, "sheet", *arguments) == 1
    assert sentence in capsys.readouterr().err


def test_a_sheet_of_nothing_is_refused(
    here: Path, bare_clip: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "sheet", bare_clip) == 1
    assert "No masked face" in capsys.readouterr().err


def test_the_demo_says_where_to_look(
    here: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "demo", "--frames", "12") == 0
    said = capsys.readouterr().out
    for name in ("masked.mp4", "unmasked.mp4", "compare.mp4", "sheet.png"):
        assert name in said
        assert (here / "demo" / name).stat().st_size > 1000
