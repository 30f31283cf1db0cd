"""What goes into the networks, what comes out, and what is carried from frame to frame."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stream_unmask.unmasking.generating import Generator
from stream_unmask.unmasking.segmenting import Segmenter
from tests.unmasking.faces import SIZE, FakeEngine, Picture, alignment, face, mask_map


def test_the_segmenter_gives_a_map_of_its_own() -> None:
    engine = FakeEngine(lambda crop: crop[:, :1] + 1)
    segmenter = Segmenter(engine)
    first = segmenter.segment(np.full((3, SIZE, SIZE), -0.75, np.float32))
    assert engine.shapes == [(1, 3, SIZE, SIZE)]
    assert first.shape == (SIZE, SIZE)
    second = segmenter.segment(np.full((3, SIZE, SIZE), 0.5, np.float32))
    assert (first == 0.25).all()
    assert (second == 1.0).all()  # 1.5, which is no probability


def test_the_generator_gives_a_patch_of_its_own() -> None:
    engine = FakeEngine(lambda crop, map, previous: crop + map + previous)
    crop, map_, previous = face(), mask_map(), np.full((3, SIZE, SIZE), 0.1, np.float32)
    patch = Generator(engine).generate(crop, map_, previous)
    assert engine.shapes == [(1, 3, SIZE, SIZE), (1, 1, SIZE, SIZE), (1, 3, SIZE, SIZE)]
    np.testing.assert_allclose(patch, np.clip(crop + map_ + previous, -1, 1), atol=1e-6)
    kept = patch.copy()
    Generator(engine).generate(-crop, map_, previous)
    np.testing.assert_array_equal(patch, kept)


def test_a_generator_of_another_side_is_fed_at_its_own() -> None:
    side = SIZE // 2
    engine = FakeEngine(lambda crop, map, previous: crop + previous, side)
    crop = cv2.GaussianBlur(face().transpose(1, 2, 0), (0, 0), 4).transpose(2, 0, 1).copy()
    patch = Generator(engine).generate(crop, mask_map(), np.full_like(crop, 0.1))
    assert engine.shapes == [(1, 3, side, side), (1, 1, side, side), (1, 3, side, side)]
    np.testing.assert_allclose(patch, np.clip(crop + 0.1, -1, 1), atol=0.05)


def test_a_first_patch_is_the_mean_of_both_sides_of_the_mirror() -> None:
    ramp = np.tile(np.linspace(-0.5, 0.5, SIZE, dtype=np.float32), (3, SIZE, 1))
    # What hangs on the place in the picture is on the other side in a mirror; what hangs on the crop is not.
    engine = FakeEngine(lambda crop, map, previous: 0.5 * crop + ramp)
    patch = Generator(engine).begin(face(), mask_map())
    np.testing.assert_allclose(patch, 0.5 * face(), atol=1e-6)
    assert patch.flags.c_contiguous


def test_nothing_is_carried_into_a_first_frame() -> None:
    carried = Generator.carry(None, None, alignment())
    assert carried.shape == (3, SIZE, SIZE)
    assert not carried.any()


def waves(x: Picture, y: Picture) -> Picture:
    return np.stack([np.sin(x / 9) * 0.5, np.cos(y / 11) * 0.5, np.sin((x + y) / 14) * 0.5]).astype(
        np.float32
    )


@pytest.mark.parametrize("zoom", [0.8, 1.0, 1.25])
def test_a_patch_is_carried_to_where_its_face_has_gone(zoom: float) -> None:
    before, after = alignment(10, 20, 1.0), alignment(13.5, 17.25, zoom)
    rows, columns = np.mgrid[:SIZE, :SIZE]
    # A patch that is a picture of the frame must still be one after the crop has moved.
    patch = waves(columns + 10, rows + 20)
    carried = Generator.carry(patch, before, after)
    middle = slice(24, 96)
    expected = waves(columns * zoom + 13.5, rows * zoom + 17.25)
    np.testing.assert_allclose(carried[:, middle, middle], expected[:, middle, middle], atol=0.01)


def test_a_patch_of_a_still_face_is_carried_exactly() -> None:
    patch = np.random.default_rng(0).uniform(-1, 1, (3, SIZE, SIZE)).astype(np.float32)
    carried = Generator.carry(patch, alignment(5, 5), alignment(5.01, 5))
    np.testing.assert_array_equal(carried, patch)
    assert not np.shares_memory(carried, patch)
