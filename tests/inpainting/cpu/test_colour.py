"""An inpainted crop takes on the colours and the sharpness of the face around it."""

from __future__ import annotations

import numpy as np
import pytest

from stream_unmask.inpainting.timing import FRAME
from tests.inpainting.faces import SIZE, Matcher, Picture, face, soft_mask, softened

MASK = soft_mask()
INSIDE = MASK > 0.5


def masked(picture: Picture) -> Picture:
    """The picture with a blue mask over it."""
    blue = np.array([-0.5, 0.2, 0.9], np.float32)[:, None, None]
    return np.ascontiguousarray(picture + MASK * (blue - picture), np.float32)


def tint(slope: float = 0.05) -> Picture:
    across = np.linspace(-1, 1, SIZE, dtype=np.float32) * np.float32(slope)
    return np.array([0.08, -0.05, 0.06], np.float32)[:, None, None] + across


def test_a_tint_and_a_light_from_the_side_are_taken_off() -> None:
    truth = face()
    matched = Matcher().match(masked(truth), MASK, truth + tint(), FRAME)
    before, after = np.abs(tint())[:, None][..., :].mean(), np.abs(matched - truth)[:, INSIDE].mean()
    assert after < 0.2 * before


def test_a_right_inpainted_crop_stays_as_it_is() -> None:
    truth = face()
    matched = Matcher().match(masked(truth), MASK, truth, FRAME)
    np.testing.assert_allclose(matched, truth, atol=0.01)


def test_colour_does_not_pump() -> None:
    truth, random, matcher = face(), np.random.default_rng(1), Matcher()
    corrections = []
    for _ in range(30):
        shift = np.float32(random.normal(0, 0.03))
        inpainted = truth + shift
        corrections.append(
            float((matcher.match(masked(truth), MASK, inpainted, FRAME) - inpainted)[:, INSIDE].mean())
        )
    assert np.abs(np.diff(corrections[3:])).mean() < 0.012  # a third of what the estimates themselves do


def test_a_background_drawn_otherwise_does_not_colour_the_face() -> None:
    truth = face()
    rows, columns = np.mgrid[:SIZE, :SIZE] / (SIZE - 1) * 2 - 1
    outside = (columns / 0.6) ** 2 + ((rows + 0.1) / 0.85) ** 2 > 1
    inpainted = truth.copy()
    inpainted[:, outside] = np.array([0.3, 0.3, -0.4], np.float32)[:, None]
    matched = Matcher().match(masked(truth), MASK, inpainted, FRAME)
    assert np.abs(matched - inpainted)[:, INSIDE & ~outside].mean() < 0.02


@pytest.mark.parametrize(("of_crop", "of_inpainted"), [(0.9, 1.05), (1.2, 0.9)])
def test_detail_is_matched(of_crop: float, of_inpainted: float) -> None:
    texture = np.random.default_rng(2).normal(0, 0.3, (1, SIZE, SIZE)).astype(np.float32)
    crop, inpainted = (softened(face() + texture, deviation) for deviation in (of_crop, of_inpainted))

    def detail(picture: Picture) -> float:
        return float((picture - softened(picture, 1.0))[:, INSIDE].std())

    matched = Matcher().match(masked(crop), MASK, inpainted, FRAME)
    wrong_before = abs(np.log(detail(inpainted) / detail(crop)))
    assert abs(np.log(detail(matched) / detail(crop))) < 0.6 * wrong_before


def test_wrinkles_are_matched_where_noise_is_the_same() -> None:
    random = np.random.default_rng(2)
    noise = random.normal(0, 0.02, (1, SIZE, SIZE)).astype(np.float32)
    wrinkles = softened(random.normal(0, 0.6, (1, SIZE, SIZE)).astype(np.float32), 2.0)
    crop, inpainted = face() + noise + wrinkles, face() + noise + np.float32(0.8) * wrinkles

    def amounts(picture: Picture) -> tuple[float, float]:
        soft = softened(picture, 1.0)
        fine, middling = picture - soft, soft - softened(picture, 4.0)
        return float(fine[:, INSIDE].std()), float(middling[:, INSIDE].std())

    matched = Matcher().match(masked(crop), MASK, inpainted, FRAME)
    (fine, middling), (wanted_fine, wanted) = amounts(matched), amounts(crop)
    assert abs(np.log(middling / wanted)) < 0.5 * abs(np.log(amounts(inpainted)[1] / wanted))
    assert fine == pytest.approx(wanted_fine, rel=0.05)


def test_a_grey_picture_gets_a_grey_inpainted_crop() -> None:
    coloured = face()
    grey = np.repeat(coloured.mean(axis=0, keepdims=True), 3, axis=0)
    light = np.array([0.5, 0.5, 0.5], np.float32)[:, None, None]
    crop = np.ascontiguousarray(grey + MASK * (light - grey), np.float32)
    matched = Matcher().match(crop, MASK, coloured + tint(), FRAME)
    assert np.ptp(matched, axis=0).max() < 1e-3
    assert np.abs(matched - grey)[:, INSIDE].mean() < 0.05
    dim = np.ascontiguousarray(0.1 * (masked(coloured) + 1) - 1, np.float32)
    kept = Matcher().match(dim, MASK, np.clip(0.1 * (coloured + 1) - 1, -1, 1), FRAME)
    assert np.ptp(kept, axis=0)[INSIDE].mean() > 0.8 * np.ptp(0.1 * coloured, axis=0)[INSIDE].mean()


def test_without_a_ring_the_inpainted_crop_stays() -> None:
    inpainted = face() + tint()
    for mask in (np.zeros((SIZE, SIZE), np.float32), np.ones((SIZE, SIZE), np.float32)):
        np.testing.assert_allclose(Matcher().match(face(), mask, inpainted, FRAME), inpainted, atol=1e-6)
