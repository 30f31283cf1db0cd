"""The examples do what their docstrings say."""

from __future__ import annotations

import csv
import runpy
import shutil
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from numpy.typing import NDArray

EXAMPLES = Path(__file__).parents[1] / "examples"

Pixels = NDArray[np.uint8]


def main_of(name: str) -> Callable[..., None]:
    """The function that an example calls when it is run as a program."""
    names: dict[str, Any] = runpy.run_path(str(EXAMPLES / f"{name}.py"))
    main: Callable[..., None] = names["main"]
    return main


def first_frames(video: Path, count: int) -> list[Pixels]:
    with av.open(video) as container:
        return [
            np.asarray(frame.to_ndarray(format="bgr24"), np.uint8)
            for frame in islice(container.decode(video=0), count)
        ]


def test_a_window_shows_the_webcam_unmasked(masked_clip: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    given = first_frames(masked_clip, 5)
    left = [picture.copy() for picture in given]

    class Webcam:
        def __init__(self, number: int) -> None:
            assert number == 0

        def read(self) -> tuple[bool, Pixels | None]:
            return (True, left.pop(0)) if left else (False, None)

    shown: list[Pixels] = []
    monkeypatch.setattr("cv2.VideoCapture", Webcam)
    monkeypatch.setattr("cv2.waitKey", lambda wait: -1)
    monkeypatch.setattr("cv2.imshow", lambda title, picture: shown.append(picture))
    main_of("webcam_window")()
    assert len(shown) == len(given)
    assert 0.005 < (shown[-1] != given[-1]).any(axis=-1).mean() < 0.2


def test_a_folder_is_done_and_what_failed_is_named(tmp_path: Path, masked_clip: Path) -> None:
    folder, output = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    shutil.copy(masked_clip, folder / "good.mp4")
    (folder / "broken.mp4").write_bytes(b"no video")
    main_of("folder_report")(folder, output)
    with (output / "report.csv").open(newline="") as file:
        broken, good = csv.DictReader(file)
    assert (output / "good.mp4").exists()
    assert not (output / "broken.mp4").exists()
    assert good["video"] == "good.mp4"
    assert int(good["masked faces"]) == 1
    assert good["error"] == ""
    assert "broken.mp4" in broken["error"]


def test_every_face_is_blurred(tmp_path: Path, masked_clip: Path) -> None:
    main_of("blur_faces")(masked_clip, tmp_path / "blurred.mp4")
    given, made = first_frames(masked_clip, 10), first_frames(tmp_path / "blurred.mp4", 10)
    assert len(made) == len(given)
    changed = np.abs(made[-1].astype(int) - given[-1]).max(axis=-1) > 40
    assert 0.002 < changed.mean() < 0.2
