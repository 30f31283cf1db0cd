"""The picture of the enlarged mark."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import mark_zoom, picture
from benchmarks.clips import portrait
from benchmarks.mark_zoom import STRENGTH, ZOOM, draw
from benchmarks.picture import PEOPLE
from stream_unmask.output.pictures import write_image
from stream_unmask.video.images import read_image

SHOWN = Path(__file__).parents[2] / "docs" / "mark.png"


def _columns(path: Path) -> list[np.ndarray]:
    """Each of the three columns as pixels of the frame, (H, W, 3), rows below each other."""
    pixels = np.asarray(read_image(path).pixels)[:, :, :3].astype(int)
    wide, high = (ZOOM * mark_zoom._SIDE + mark_zoom._GAP for _ in range(2))
    rows = [pixels[top : top + high - mark_zoom._GAP] for top in range(0, len(pixels), high)]
    side = ZOOM * mark_zoom._SIDE
    return [
        np.vstack([row[ZOOM // 2 :: ZOOM, left + ZOOM // 2 : left + side : ZOOM] for row in rows])
        for left in (0, wide, 2 * wide)
    ]


def test_the_documentation_shows_a_true_difference_that_is_faint() -> None:
    bare, marked, shown = _columns(SHOWN)
    difference = marked - bare
    assert np.abs(np.clip(128 + STRENGTH * difference, 0, 255) - shown).max() == 0
    assert 0.5 < np.sqrt((difference**2).mean()) < 3


@pytest.mark.slow
def test_a_row_for_each_video_and_one_for_a_photo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picture, "LOOP", 40)
    monkeypatch.setattr(mark_zoom, "_SECONDS", 1.2)
    write_image(tmp_path / f"{PEOPLE[0].portrait}.png", portrait())
    said = draw(tmp_path, tmp_path / "made.png", people=[replace(PEOPLE[0], phase=0.0)])
    assert said.count(".") == 3
    bare, marked, _ = _columns(tmp_path / "made.png")
    side = mark_zoom._SIDE
    assert len(bare) == 2 * side
    for row in (slice(0, side), slice(side, None)):
        assert (bare[row] != marked[row]).mean() > 0.2
