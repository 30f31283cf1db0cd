"""New scenes are noticed; motion, noise, fades and light are no new scenes."""

from __future__ import annotations

import av
import numpy as np
import pytest

from stream_unmask.faces.cuts import CutDetector
from stream_unmask.pixels.planes import Planes
from stream_unmask.video.frame import picture_planes


def scene(seed: int, level: float = 110.0) -> np.ndarray:
    """(240, 640) smooth luma with light and dark areas."""
    rng = np.random.default_rng(seed)
    blocks = rng.uniform(-70, 70, (6, 16)) + level
    return np.kron(blocks, np.ones((40, 40))).clip(16, 235)


def planes(luma: np.ndarray, depth: int = 8) -> Planes:
    kind = np.uint8 if depth == 8 else np.uint16
    y = (luma[:, :320] * 2 ** (depth - 8)).astype(kind)
    chroma = np.full((120, 160), 1 << (depth - 1), kind)
    return Planes(y, chroma, chroma, 1, 1, depth, 0.2126, 0.0722, False, True, False)


def cuts(lumas: list[np.ndarray], depth: int = 8) -> list[int]:
    detector = CutDetector()
    return [index for index, luma in enumerate(lumas) if detector.is_cut(planes(luma, depth))]


@pytest.mark.parametrize("depth", [8, 10])
def test_a_cut_is_noticed_on_its_frame(depth: int) -> None:
    dark, bright = scene(1, 70.0), scene(2, 150.0)
    assert cuts([dark] * 10 + [bright] * 10 + [dark] * 5, depth) == [10, 20]


def test_a_pan_is_no_cut() -> None:
    wide = scene(3)
    assert cuts([np.roll(wide, -12 * step, axis=1) for step in range(40)]) == []


def test_noise_is_no_cut() -> None:
    rng = np.random.default_rng(0)
    assert cuts([(scene(4) + rng.normal(0, 12, (240, 640))).clip(0, 255) for _ in range(20)]) == []


def test_a_fade_is_no_cut() -> None:
    first, last = scene(5, 70.0), scene(6, 150.0)
    assert cuts([first + (last - first) * step / 25 for step in range(26)]) == []


def test_a_frame_of_another_size_is_a_cut() -> None:
    detector = CutDetector()
    detector.is_cut(planes(scene(7)))
    small = np.full((40, 60), 90, np.uint8)
    chroma = np.full((20, 30), 128, np.uint8)
    assert detector.is_cut(Planes(small, chroma, chroma, 1, 1, 8, 0.2126, 0.0722, False, True, False))


def test_another_size_is_a_cut_even_where_the_samples_lie_alike() -> None:
    detector = CutDetector()
    small, large = (picture_planes(av.VideoFrame(*size, "yuv420p")) for size in ((640, 360), (1280, 720)))
    small.y[:] = large.y[:] = 90
    assert [detector.is_cut(each) for each in (small, small, large, large)] == [False, False, True, False]
