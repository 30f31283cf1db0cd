"""The laid face's detail on the generator's light."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stream_unmask.inpainting.cpu.detail import put_back_detail
from stream_unmask.pixels.geometry import Box

SMALL, LARGE = 64, 128
WHOLE = Box(0, 0, LARGE, LARGE)


def laid() -> np.ndarray:
    """(S, S, 3) mid grey with fine stripes."""
    stripes = 0.4 + 0.1 * (np.arange(LARGE) % 2)
    return np.repeat(np.tile(stripes, (LARGE, 1))[..., None], 3, 2).astype(np.float32)


def small(picture: np.ndarray) -> np.ndarray:
    shrunk = cv2.resize(picture, (SMALL, SMALL), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(shrunk.transpose(2, 0, 1) * 2 - 1, np.float32)


def put_back(made: np.ndarray, trust: float) -> np.ndarray:
    planes = np.full((SMALL, SMALL), trust, np.float32), np.full((LARGE, LARGE), trust, np.float32)
    return put_back_detail(made, small(laid()), planes[0], laid(), planes[1], WHOLE)


@pytest.mark.parametrize("light", [0.5, 1.0, 1.6])
def test_the_light_is_the_generators_and_the_stripes_are_the_faces(light: float) -> None:
    out = put_back(small(laid() * light), 1.0)
    middle = (out[:, 40:88, 40:88] + 1) / 2
    assert middle.mean() == pytest.approx(0.45 * light, abs=0.03)
    assert np.abs(np.diff(middle, axis=2)).mean() == pytest.approx(0.1 * light, rel=0.2)


def test_a_colour_is_the_generators_too() -> None:
    made = small(laid() * np.array([1.4, 1.0, 0.7], np.float32))
    middle = (put_back(made, 1.0)[:, 40:88, 40:88].mean((1, 2)) + 1) / 2
    assert middle == pytest.approx([0.63, 0.45, 0.315], abs=0.03)


def test_what_is_not_trusted_is_the_generators_picture() -> None:
    made = small(laid() * 0.5)
    out = put_back(made, 0.0)
    large = cv2.resize(made.transpose(1, 2, 0), (LARGE, LARGE), interpolation=cv2.INTER_CUBIC)
    assert np.allclose(out, large.transpose(2, 0, 1), atol=1e-4)
    assert out.shape == (3, LARGE, LARGE)


def test_black_and_white_stay_in_range() -> None:
    stripes = np.where(np.arange(SMALL) % 8 < 4, -1, 1) * np.ones((3, SMALL, 1))
    out = put_back(stripes.astype(np.float32), 1.0)
    assert np.isfinite(out).all()
    assert out.min() >= -1
    assert out.max() <= 1


def test_a_box_around_all_that_is_trusted_changes_nothing() -> None:
    trusts = [np.zeros((side, side), np.float32) for side in (SMALL, LARGE)]
    box = Box(37, 50, 82, 99)
    trusts[1][box.slices] = np.random.default_rng(0).uniform(0, 1, (49, 45))
    trusts[0][25:50, 18:41] = 0.7
    made = small(laid() * np.array([1.4, 1.0, 0.7], np.float32))
    everywhere, within = (
        put_back_detail(made, small(laid()), trusts[0], laid(), trusts[1], each) for each in (WHOLE, box)
    )
    assert np.abs(everywhere - made.mean()).max() > 0.1
    assert np.allclose(within, everywhere, atol=1e-5)
