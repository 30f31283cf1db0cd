"""Stand-ins, chosen by the program and by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.inpainting.stand_ins.bundled import bundled_stand_ins
from stream_unmask.output.pictures import write_image
from stream_unmask.video.frame import Frame
from stream_unmask.video.images import read_image
from stream_unmask.video.source import open_source
from tests.cli.calling import call


@pytest.fixture
def photo(masked_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The clip's first frame, in a folder that is the current one."""
    monkeypatch.chdir(tmp_path)
    with open_source(masked_clip) as source:
        frame = next(item for item in source if isinstance(item, Frame))
    write_image(tmp_path / "photo.png", frame.to_ndarray("rgb24"))
    return tmp_path / "photo.png"


def unmasked(monkeypatch: pytest.MonkeyPatch, photo: Path, *options: str) -> tuple[dict[str, Any], Any]:
    """What the report tells of the only face, and the picture."""
    said = ["--backend", "openvino", "--report", "report.json", "--overwrite", "-o", "out.png", *options]
    assert call(monkeypatch, photo, *said) == 0
    (report,) = json.loads(Path("report.json").read_text())
    (face,) = report["faces"]
    return face, read_image(Path("out.png")).pixels


def test_one_is_chosen_and_another_may_be_asked_for(photo: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen, picture = unmasked(monkeypatch, photo)
    assert chosen["stand_in"] == chosen["fitting"][0]
    assert (chosen["guided_frames"], chosen["unguided"]) == (1, {})
    other, another = unmasked(monkeypatch, photo, "--stand-in", str(chosen["fitting"][1]))
    assert other["stand_in"] == chosen["fitting"][1]
    assert np.abs(np.asarray(picture, float) - another).max() > 10
    none, alone = unmasked(monkeypatch, photo, "--stand-in", "none")
    assert (none["stand_in"], none["guided_frames"]) == (None, 0)
    assert np.abs(np.asarray(picture, float) - alone).max() > 10


def test_stand_ins_are_drawn_to_choose_from(
    photo: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call(monkeypatch, "faces", "-o", "bank.png") == 0
    assert f"{bundled_stand_ins(BUNDLED_WEIGHTS).count} stand-ins" in capsys.readouterr().out
    assert call(monkeypatch, "faces", photo, "-o", "face.png") == 0
    assert read_image(Path("face.png")).pixels.shape == (132, 2 * 128 + 8 * 130 - 2, 3)


@pytest.mark.parametrize(
    ("wish", "code", "sentence"),
    [
        ("somebody", 2, "'somebody' is none of auto, none, N, FACE=N and FACE=none."),
        ("2=", 2, "'2=' is none of"),
        ("99999", 1, "There is no stand-in 99999: there are "),
    ],
)
def test_a_wish_that_cannot_be_is_refused(
    wish: str,
    code: int,
    sentence: str,
    photo: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(monkeypatch, photo, "-o", "out.png", "--stand-in", wish) == code
    assert sentence in capsys.readouterr().err
    assert not Path("out.png").exists()
