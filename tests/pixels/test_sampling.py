"""Crops show the frame's colours, where the alignment says, without aliasing."""

from __future__ import annotations

import numpy as np
import pytest

from stream_unmask.pixels.geometry import invert
from stream_unmask.pixels.sampling import sample_crop
from tests.pixels.pictures import LAYOUTS, Layout, alignment, copies, noise, paint, scene


def expected(matrix: np.ndarray, size: int) -> np.ndarray:
    rows, columns = np.mgrid[:size, :size]
    to_frame = invert(matrix)
    x = to_frame[0, 0] * columns + to_frame[0, 1] * rows + to_frame[0, 2]
    y = to_frame[1, 0] * columns + to_frame[1, 1] * rows + to_frame[1, 2]
    return scene(x, y)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("zoom", [0.4, 1.0, 1.9])
def test_a_crop_shows_the_scene_at_its_place(layout: Layout, zoom: float) -> None:
    planes = paint(layout.empty(201, 175))
    matrix = alignment(99.3, 87.8, zoom, 64, turn=0.3)
    crop = sample_crop(planes, matrix, 64)
    error = np.abs(crop - expected(matrix, 64))
    # One 8-bit level is 0.008; chroma rounds to a level too and counts nearly twice in blue.
    levels = 1.0 if layout.depth == 8 else 0.35
    assert error.mean() < 0.012 * levels + 0.004
    assert error.max() < 0.05


def test_integer_positions_are_pixel_centres() -> None:
    planes = noise(LAYOUTS["444-full-601"].empty(40, 30))
    planes.u[...], planes.v[...] = 128, 128
    crop = sample_crop(planes, np.array([[1.0, 0, -5], [0, 1, -7]]), 16)
    grey = (crop[1] + 1) * 127.5
    np.testing.assert_allclose(grey, planes.y[7:23, 5:21], atol=0.6)


def test_sampling_leaves_the_frame_alone_and_fills_the_buffer() -> None:
    planes = noise(LAYOUTS["nv12"].empty(101, 57))
    before = copies(planes)
    buffer = np.full((3, 32, 32), np.nan, np.float32)
    crop = sample_crop(planes, alignment(50, 28, 1.3, 32), 32, buffer)
    assert crop is buffer
    assert np.isfinite(buffer).all()
    assert np.abs(buffer).max() <= 1
    for plane, old in zip((planes.y, planes.u, planes.v), before, strict=True):
        np.testing.assert_array_equal(plane, old)


@pytest.mark.parametrize("zoom", [1.8, 2.1, 2.3, 3.1, 5.0])
def test_fine_stripes_do_not_alias(zoom: float) -> None:
    planes = LAYOUTS["420"].empty(400, 400)
    planes.y[...], planes.u[...], planes.v[...] = 126, 128, 128
    # Taken at the crop's pixels alone, these stripes would show up as waves eight pixels long.
    planes.y[...] = np.rint(126 + 80 * np.cos(2 * np.pi * np.arange(400) * 7 / 8 / zoom))[None]
    crop = sample_crop(planes, alignment(200.2, 200.4, zoom, 64), 64)
    assert crop.std() < 0.15 * planes.y.std() / 109.5


def test_detail_fades_smoothly_while_a_face_comes_nearer() -> None:
    planes = noise(LAYOUTS["420-10"].empty(700, 700))
    planes.u[...], planes.v[...] = 512, 512
    # Whole zooms are left out: there all samples of a row lie equally far from their neighbours.
    zooms = np.arange(1.13, 4.9, 0.05)
    detail = [sample_crop(planes, alignment(350, 350, zoom, 64), 64).std() for zoom in zooms]
    steps = np.array(detail[1:]) / detail[:-1]
    assert steps.max() < 1.07
    assert steps.min() > 0.93


@pytest.mark.parametrize("zoom", [0.5, 1.5, 3.0])
@pytest.mark.parametrize("layout", ["420", "nv12", "422-10"])
def test_outside_the_frame_its_edge_goes_on(layout: str, zoom: float) -> None:
    planes = LAYOUTS[layout].empty(51, 37)
    paint(planes, lambda x, y: np.stack([np.full(x.shape, value) for value in (0.5, -0.25, 0.0)]))
    for x, y in ((0, 0), (50, 36), (-400, 20), (25, 900), (5000, -5000)):
        crop = sample_crop(planes, alignment(x, y, zoom, 48, turn=0.4), 48)
        for channel, value in zip(crop, (0.5, -0.25, 0.0), strict=True):
            np.testing.assert_allclose(channel, value, atol=0.02)


def test_colours_beyond_the_gamut_are_clipped() -> None:
    planes = LAYOUTS["420"].empty(32, 32)
    planes.y[...], planes.u[...], planes.v[...] = 235, 240, 240
    crop = sample_crop(planes, alignment(16, 16, 1, 16), 16)
    assert crop.max() == 1.0
