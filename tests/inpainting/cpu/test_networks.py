"""What goes into the networks, and what comes out."""

from __future__ import annotations

import cv2
import numpy as np

from stream_unmask.inpainting.cpu.generating import Generator
from stream_unmask.inpainting.cpu.segmenting import Segmenter
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
    engine = FakeEngine(lambda crop, mask: crop + mask)
    crop, mask = face(), soft_mask()
    inpainted = Generator(engine).generate(crop, mask)
    assert engine.shapes == [(1, 3, SIZE, SIZE), (1, 1, SIZE, SIZE)]
    np.testing.assert_allclose(inpainted, np.clip(crop + mask, -1, 1), atol=1e-6)
    kept = inpainted.copy()
    Generator(engine).generate(-crop, mask)
    np.testing.assert_array_equal(inpainted, kept)


def test_a_generator_of_another_side_is_fed_at_its_own() -> None:
    side = SIZE // 2
    engine = FakeEngine(lambda crop, mask: crop + 0.1 * mask, side)
    crop = cv2.GaussianBlur(face().transpose(1, 2, 0), (0, 0), 4).transpose(2, 0, 1).copy()
    inpainted = Generator(engine).generate(crop, soft_mask())  # type: ignore[arg-type]
    assert engine.shapes == [(1, 3, side, side), (1, 1, side, side)]
    np.testing.assert_allclose(inpainted, np.clip(crop + 0.1 * soft_mask(), -1, 1), atol=0.05)


def test_a_single_pictures_inpainted_crop_is_the_mean_of_both_sides_of_the_mirror() -> None:
    ramp = np.tile(np.linspace(-0.5, 0.5, SIZE, dtype=np.float32), (3, SIZE, 1))
    # What hangs on the place in the picture is on the other side in a mirror; what hangs on the crop is not.
    engine = FakeEngine(lambda crop, mask: 0.5 * crop + ramp)
    inpainted = Generator(engine).generate_still(face(), soft_mask())
    np.testing.assert_allclose(inpainted, 0.5 * face(), atol=1e-6)
    assert inpainted.flags.c_contiguous
