"""What goes into the networks, and what comes out."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stream_unmask.inpainting.cpu.generating import Generator
from stream_unmask.inpainting.cpu.segmenting import Segmenter
from stream_unmask.inpainting.laid import LaidFace
from stream_unmask.pixels.geometry import Box
from tests.inpainting.faces import SIZE, FakeEngine, face, soft_mask


def test_the_segmenter_gives_a_mask_of_its_own() -> None:
    engine = FakeEngine(lambda crop: crop[:, :1] + 1)
    segmenter = Segmenter(engine)
    first = segmenter.segment(np.full((3, SIZE, SIZE), -0.75, np.float32))
    assert engine.shapes == [(1, 3, SIZE, SIZE)]
    assert first.shape == (SIZE, SIZE)
    second = segmenter.segment(np.full((3, SIZE, SIZE), 0.5, np.float32))
    assert (first == 0.25).all()
    assert (second == 1.0).all()  # 1.5, which is no probability


def test_the_generator_gives_an_inpainted_crop_of_its_own() -> None:
    engine = FakeEngine(lambda crop, mask, *_: crop + mask)
    crop, mask = face(), soft_mask()
    inpainted = Generator(engine).make(crop, mask).finished(SIZE)
    assert engine.shapes == [(1, 3, SIZE, SIZE), (1, 1, SIZE, SIZE)] * 2
    np.testing.assert_allclose(inpainted, np.clip(crop + mask, -1, 1), atol=1e-6)
    kept = inpainted.copy()
    Generator(engine).make(-crop, mask).finished(SIZE)
    np.testing.assert_array_equal(inpainted, kept)


def test_a_generator_of_another_side_is_fed_at_its_own() -> None:
    side = SIZE // 2
    engine = FakeEngine(lambda crop, mask, *_: crop + 0.1 * mask, side)
    soft = cv2.GaussianBlur(face().transpose(1, 2, 0), (0, 0), 4).transpose(2, 0, 1)
    crop = np.ascontiguousarray(soft, np.float32)
    inpainted = Generator(engine).make(crop, soft_mask()).finished(SIZE)
    assert engine.shapes == [(1, 3, side, side), (1, 1, side, side)] * 2
    np.testing.assert_allclose(inpainted, np.clip(crop + 0.1 * soft_mask(), -1, 1), atol=0.05)


def test_a_single_pictures_inpainted_crop_is_the_mean_of_both_sides_of_the_mirror() -> None:
    ramp = np.tile(np.linspace(-0.5, 0.5, SIZE, dtype=np.float32), (3, SIZE, 1))
    # What hangs on the place in the picture is on the other side in a mirror; what hangs on the crop is not.
    engine = FakeEngine(lambda crop, *_: 0.5 * crop + ramp)
    inpainted = Generator(engine).make(face(), soft_mask(), still=True).finished(SIZE)
    np.testing.assert_allclose(inpainted, 0.5 * face(), atol=1e-6)
    assert inpainted.flags.c_contiguous


@pytest.mark.parametrize("still", [False, True])
def test_a_guide_is_shown_to_the_generator_and_its_detail_comes_back(still: bool) -> None:
    side = SIZE // 2
    rng = np.random.default_rng(0)
    picture, trust = rng.uniform(0.3, 0.7, (SIZE, SIZE, 3)), np.zeros((SIZE, SIZE))
    trust[:, : SIZE // 2] = 1
    box = Box(0, 0, SIZE // 2, SIZE)
    guide = LaidFace(picture.astype(np.float32), trust.astype(np.float32), box)
    # A generator that darkens the guide where it is trusted, and paints grey elsewhere.
    engine = FakeEngine(lambda crop, mask, guide, trust: trust * ((guide + 1) * 0.8 - 1), side)
    generator = Generator(engine)
    shown = generator.make(face(), soft_mask(), guide, still=still).finished(SIZE, guide)
    made = shown.transpose(1, 2, 0) * 0.5 + 0.5
    inner = np.s_[8:-8, 8 : SIZE // 2 - 16]
    np.testing.assert_allclose(made[inner], 0.8 * picture[inner], atol=0.02)
    np.testing.assert_allclose(made[:, SIZE // 2 + 16 :], 0.5, atol=1e-3)
    alone = generator.make(face(), soft_mask(), still=still).finished(SIZE)
    np.testing.assert_allclose(alone, 0, atol=1e-6)
