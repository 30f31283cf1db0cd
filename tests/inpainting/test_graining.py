"""An inpainted crop is as grainy as its face, no more and no less."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stream_unmask.inpainting.cpu.blending import blend
from stream_unmask.inpainting.cpu.coarse import face_ring, to_coarse
from stream_unmask.inpainting.cpu.compositing import composite
from stream_unmask.inpainting.timing import FRAME
from stream_unmask.pixels.grain import Grain
from stream_unmask.pixels.sampling import sample_crop
from tests.inpainting.faces import (
    SIZE,
    Matcher,
    Meter,
    Picture,
    Smoother,
    alignment,
    face,
    frame_of,
    soft_mask,
    softened,
)

MASK = soft_mask()
COARSE = to_coarse(MASK)


def enlarged(zoom: float) -> Picture:
    side = round(SIZE * zoom)
    planes = [cv2.resize(plane, (side, side), interpolation=cv2.INTER_CUBIC) for plane in face()]
    return np.ascontiguousarray(np.stack(planes), np.float32)


def measured(
    pictures: list[Picture], noise: float, places: list[tuple[float, float]], zoom: float = 1.0
) -> Grain:
    meter = Meter()
    for seed, (picture, (x, y)) in enumerate(zip(pictures, places, strict=True)):
        grain = meter.measure(frame_of(picture, noise, seed), alignment(x, y, zoom), COARSE, FRAME)
    return grain


@pytest.mark.parametrize("zoom", [0.7, 1.0, 2.0])
@pytest.mark.parametrize("noise", [0.6, 2.0, 6.0])
def test_noise_is_measured(noise: float, zoom: float) -> None:
    grain = measured([enlarged(zoom)] * 12, noise, [(0, 0)] * 12, zoom)
    assert grain.noise * 255 == pytest.approx(np.hypot(noise, 0.29), rel=0.25)
    assert grain.softness == 0.3


def test_a_frozen_picture_gets_no_noise() -> None:
    meter, frame = Meter(), frame_of(face(), 5.0)
    for _ in range(6):
        assert meter.measure(frame, alignment(), COARSE, FRAME).noise < 1e-4


def test_movement_is_not_taken_for_noise() -> None:
    texture = softened(np.random.default_rng(0).normal(0, 0.2, (1, 200, 200)).astype(np.float32), 1.0)
    scene = np.repeat(texture, 3, axis=0)
    places = [(5.0 * step, 3.0 * step) for step in range(8)]
    crops = [np.roll(scene, (round(y), round(x)), (1, 2)) for x, y in places]
    assert measured(crops, 0.0, places).noise == 0


def test_only_enlarged_inpainted_crops_lack_texture() -> None:
    texture = np.random.default_rng(0).normal(0, 0.05, (1, 2 * SIZE, 2 * SIZE)).astype(np.float32)
    near, far = enlarged(2.0) + texture, enlarged(1.0) + texture[:, :SIZE, :SIZE]
    assert measured([near] * 3, 0.0, [(0, 0)] * 3, zoom=2.0).texture > 0.005
    assert measured([far] * 3, 0.0, [(0, 0)] * 3, zoom=1.0).texture == 0


def test_fresh_noise_lies_elsewhere_in_every_frame() -> None:
    meter, frame = Meter(), frame_of(face(), 5.0)
    shifts = {
        (grain.shift_x, grain.shift_y)
        for grain in (meter.measure(frame, alignment(), COARSE, FRAME) for _ in range(9))
    }
    assert len(shifts) == 9


@pytest.mark.parametrize("zoom", [0.8, 1.0, 2.2])
@pytest.mark.parametrize("noise", [1.5, 4.0])
def test_an_inpainted_crop_is_as_alive_as_the_skin_around_it(noise: float, zoom: float) -> None:
    """The whole way of a face, with a generator that gives back a soft face, a little wrong in colour."""
    picture, place = enlarged(zoom), alignment(zoom=zoom)
    smoother, matcher, meter = Smoother(), Matcher(), Meter()
    previous, changes = None, []
    for seed in range(14):
        frame = frame_of(picture, noise, seed)
        crop = sample_crop(frame, place.matrix, SIZE)
        untouched = crop.copy()
        generated = softened(crop, 1.5) + np.float32(0.03)
        mask, inpainted = smoother.smooth(crop, MASK, generated, place, FRAME)
        drawn, alpha = blend("feather", crop, matcher.match(crop, mask, inpainted, FRAME), mask, 1.0)
        composite(frame, place.matrix, drawn, alpha, meter.measure(frame, place, to_coarse(mask), FRAME))
        after = sample_crop(frame, place.matrix, SIZE)
        if previous is not None and seed > 4:
            changes.append(
                (np.abs(after - previous[0]).mean(axis=0), np.abs(untouched - previous[1]).mean(axis=0))
            )
        previous = (after, untouched)
    made, given = np.mean(changes, axis=0)
    skin = cv2.resize(face_ring(COARSE).astype(np.uint8), (SIZE, SIZE), interpolation=cv2.INTER_NEAREST) > 0
    assert 0.5 < made[MASK > 0.9].mean() / given[skin].mean() < 1.2
