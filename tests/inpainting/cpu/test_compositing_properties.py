"""What holds for every crop that is laid over a frame, wherever it lies."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from stream_unmask.inpainting.cpu.compositing import composite
from stream_unmask.pixels.colours import from_rgb
from stream_unmask.pixels.grain import NO_GRAIN, Grain
from stream_unmask.pixels.planes import Planes
from tests.pixels.pictures import copies, noise
from tests.pixels.test_sampling_properties import SIZE, alignments, pictures

seeds = st.integers(0, 2**32 - 1)
grains = st.sampled_from([NO_GRAIN, Grain(0.05, 0.05, 3, 9)])


def blob(seed: int) -> np.ndarray:
    """Alpha with holes: exactly 0 in most places, between 0 and 1 elsewhere."""
    random = np.random.default_rng(seed)
    alpha = random.uniform(0, 1, (SIZE, SIZE)) * (random.random((SIZE, SIZE)) < 0.3)
    return np.asarray(alpha, np.float32)


def flat(red: float) -> np.ndarray:
    return np.full((3, SIZE, SIZE), red, np.float32)


@given(pictures, alignments, grains)
def test_without_alpha_no_sample_changes(planes: Planes, matrix: np.ndarray, grain: Grain) -> None:
    before = copies(noise(planes))
    assert composite(planes, matrix, flat(1), np.zeros((SIZE, SIZE), np.float32), grain) is None
    for plane, old in zip((planes.y, planes.u, planes.v), before, strict=True):
        np.testing.assert_array_equal(plane, old)


@given(pictures, alignments, grains, seeds)
def test_what_changes_lies_in_the_box_and_is_a_sample(
    planes: Planes, matrix: np.ndarray, grain: Grain, seed: int
) -> None:
    before = copies(noise(planes))
    inpainted = np.random.default_rng(seed).uniform(-1, 1, (3, SIZE, SIZE)).astype(np.float32)
    box = composite(planes, matrix, inpainted, blob(seed), grain)
    for number, (plane, old) in enumerate(zip((planes.y, planes.u, planes.v), before, strict=True)):
        assert plane.max() < 1 << planes.depth
        rows, columns = np.nonzero(plane != old)
        if not rows.size:
            continue
        assert box is not None
        down, right = (planes.shift_y, planes.shift_x) if number else (0, 0)
        assert box.x0 <= columns.min() << right
        assert columns.max() << right < box.x1
        assert box.y0 <= rows.min() << down
        assert rows.max() << down < box.y1


@given(pictures, alignments, seeds, st.floats(-1, 1))
def test_a_sample_goes_towards_what_is_laid_over_it_and_not_beyond(
    planes: Planes, matrix: np.ndarray, seed: int, gray: float
) -> None:
    before = copies(noise(planes))
    composite(planes, matrix, flat(gray), blob(seed))
    levels = from_rgb(planes) @ np.array([gray, gray, gray, 1])
    for plane, old, wanted in zip((planes.y, planes.u, planes.v), before, levels, strict=True):
        assert (plane >= np.minimum(old, wanted) - 1).all()
        assert (plane <= np.maximum(old, wanted) + 1).all()


@given(pictures, alignments, st.floats(-1, 1))
def test_an_opaque_crop_hides_what_was_there(planes: Planes, matrix: np.ndarray, gray: float) -> None:
    before = copies(noise(planes))
    composite(planes, matrix, flat(gray), np.ones((SIZE, SIZE), np.float32))
    levels = from_rgb(planes) @ np.array([gray, gray, gray, 1])
    for plane, old, wanted in zip((planes.y, planes.u, planes.v), before, levels, strict=True):
        np.testing.assert_allclose(plane[plane != old], wanted, atol=1)
