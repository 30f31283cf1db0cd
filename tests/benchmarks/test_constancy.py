"""The measure of constancy: of looks that are known, and of a clip made on the spot."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.constancy import Judge, Looks, judged, measure
from stream_unmask.settings import Settings


def test_light_that_comes_and_goes_is_a_wide_spread() -> None:
    steady = judged("steady", [Looks(-0.1 + 0.001 * number, 0.8) for number in range(20)])
    breathing = judged("breathing", [Looks(-0.1 - 0.5 * (number % 2), 0.8) for number in range(20)])
    assert steady.spread < 0.03
    assert breathing.spread == pytest.approx(0.5)
    assert steady.contrary == 0


def test_only_what_is_read_surely_contradicts() -> None:
    looks = [Looks(0, 0.9)] * 14 + [Looks(0, -0.1)] * 3 + [Looks(0, -0.9)] * 3
    assert judged("one", looks).contrary == pytest.approx(3 / 20)
    assert "15.0% of them read as of the other sex" in str(judged("one", looks))


def test_a_bare_face_that_holds_still_is_constant(bare_clip: Path) -> None:
    (face,) = measure(bare_clip, Settings(backend="openvino", threads=1), Judge(), bare=True)
    assert face.name == f"{bare_clip.stem} 1"
    assert face.spread < 0.05
    assert face.contrary == 0


def test_an_unmasked_face_is_found_where_it_was_unmasked(masked_clip: Path) -> None:
    (face,) = measure(masked_clip, Settings(backend="openvino", threads=1), Judge())
    assert face.frames >= 12
    assert face.spread < 0.3
