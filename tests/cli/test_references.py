"""``--reference``: what it takes, and the sentence for what it does not."""

from __future__ import annotations

import json
from pathlib import Path

import av
import pytest

from benchmarks.clips import portrait
from stream_unmask.cli.unmask import unmask
from stream_unmask.output.pictures import write_image
from tests.cli.calling import call


@pytest.fixture
def masked(masked_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A photo of a masked face, and me.png of the same one bare, in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    with av.open(masked_clip) as container:
        write_image(Path("masked.png"), next(container.decode(video=0)).to_ndarray(format="rgb24"))
    write_image(Path("me.png"), portrait())
    return Path("masked.png")


def test_what_it_takes(masked: Path) -> None:
    def said(*words: str) -> object:
        arguments = [str(masked), *(part for word in words for part in ("--reference", word))]
        return unmask.make_context("unmask", arguments).params["reference"]

    assert said() == said("auto") == "auto"
    assert said("none") == "none"
    assert said("me.png") == {0: "me.png"}
    assert said("2=me.png", "3=frame:81") == {2: "me.png", 3: "frame:81"}


@pytest.mark.parametrize("word", ["2=auto", "frame:81", "nobody.png", "0=me.png", ""])
def test_what_it_does_not_take_is_wrong_usage(
    masked: Path, word: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, masked, "--reference", word, "-o", "out.png") == 2
    assert "--reference" in capsys.readouterr().err
    assert not Path("out.png").exists()


@pytest.mark.parametrize(("word", "sentence"), [("masked.png", "bare"), ("1=frame:0", "no frames")])
def test_what_shows_no_bare_face_is_refused_in_a_sentence(
    masked: Path,
    word: str,
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(monkeypatch, masked, "--reference", word, "--backend", "openvino", "-o", "out.png") == 1
    (told,) = (line for line in capsys.readouterr().err.splitlines() if line.startswith("stream-unmask:"))
    assert sentence in told
    assert not Path("out.png").exists()


def test_a_picture_of_a_masked_face_gets_the_face_of_a_photo(
    masked: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = ["--backend", "openvino", "--report", "report.json", "-o", "out.png"]
    assert call(monkeypatch, masked, "--reference", "1=me.png", *said) == 0
    ((face,),) = (each["faces"] for each in json.loads(Path("report.json").read_text()))
    assert face["reference"] == "me.png"
    assert face["sources"] == {"reference": 1.0}
    assert "Face 1 is its own" in capsys.readouterr().err
