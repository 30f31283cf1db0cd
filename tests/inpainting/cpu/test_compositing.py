"""Inpainted crops land where they were sampled, and nothing else in the frame changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from stream_unmask.inpainting.cpu.compositing import composite
from stream_unmask.pixels.geometry import chroma_positions, compose, invert
from stream_unmask.pixels.grain import FINENESS, Grain, noise_tile
from stream_unmask.pixels.planes import Planes
from stream_unmask.pixels.sampling import sample_crop
from tests.pixels.pictures import LAYOUTS, Layout, alignment, copies, noise, paint

SIZE = 64


def disc(radius: float = 20.0, edge: float = 6.0) -> np.ndarray:
    """Alpha: 1 within ``radius`` of the crop's centre, exactly 0 from ``radius + edge`` on."""
    y, x = np.mgrid[:SIZE, :SIZE] - (SIZE - 1) / 2
    return np.asarray(np.clip((radius + edge - np.hypot(x, y)) / edge, 0, 1), np.float32)


def distances(planes: Planes, matrix: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Of luma and of chroma samples from the crop's centre, in crop pixels."""
    found = []
    for plane, affine in ((planes.y, matrix), (planes.u, compose(matrix, invert(chroma_positions(planes))))):
        rows, columns = np.mgrid[: plane.shape[0], : plane.shape[1]]
        x = affine[0, 0] * columns + affine[0, 1] * rows + affine[0, 2] - (SIZE - 1) / 2
        y = affine[1, 0] * columns + affine[1, 1] * rows + affine[1, 2] - (SIZE - 1) / 2
        found.append(np.hypot(x, y))
    return found[0], found[1]


@pytest.mark.parametrize("grain", [Grain(), Grain(0.05, 0.05, 3, 9)], ids=["plain", "grainy"])
@pytest.mark.parametrize("zoom", [0.3, 1.0, 2.3])
@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
def test_samples_without_alpha_are_untouched(layout: Layout, zoom: float, grain: Grain) -> None:
    planes = noise(layout.empty(173, 131))
    before = copies(planes)
    matrix = alignment(80.4, 60.7, zoom, SIZE, turn=-0.35)
    inpainted = np.random.default_rng(1).uniform(-1, 1, (3, SIZE, SIZE)).astype(np.float32)
    mark = np.random.default_rng(2).uniform(-0.1, 0.1, (3, 16, 16)).astype(np.float32)
    box = composite(planes, matrix, inpainted, disc(), grain, mark)
    assert box is not None
    luma, chroma = distances(planes, matrix)
    # A sample sees what lies within one sample's reach.
    reach = 26 + 3.0 / min(zoom, 1)
    chroma_reach = 26 + 3.0 * (1 << max(layout.shift_x, layout.shift_y)) / min(zoom, 1)
    shifts = ((0, 0), (layout.shift_y, layout.shift_x), (layout.shift_y, layout.shift_x))
    for plane, old, near, (down, right) in zip(
        (planes.y, planes.u, planes.v),
        before,
        (luma < reach, chroma < chroma_reach, chroma < chroma_reach),
        shifts,
        strict=True,
    ):
        np.testing.assert_array_equal(plane[~near], old[~near])
        changed = plane != old
        assert changed[near].mean() > 0.3
        rows, columns = np.nonzero(changed)
        assert rows.min() << down >= box.y0
        assert columns.min() << right >= box.x0
        assert rows.max() << down < box.y1
        assert columns.max() << right < box.x1


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("zoom", [0.5, 1.0, 1.9, 3.0])
def test_a_crop_pasted_back_changes_smooth_content_by_two_levels_at_most(layout: Layout, zoom: float) -> None:
    planes = paint(layout.empty(181, 163))
    before = copies(planes)
    matrix = alignment(90.2, 80.9, zoom, SIZE, turn=0.2)
    box = composite(planes, matrix, sample_crop(planes, matrix, SIZE), np.ones((SIZE, SIZE), np.float32))
    assert box is not None
    unit = 1 << (layout.depth - 8)
    for plane, old, most in zip((planes.y, planes.u, planes.v), before, (2, 3, 3), strict=True):
        change = np.abs(plane.astype(int) - old)
        assert change.max() <= most * unit
        assert change.mean() < 0.4 * unit


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("zoom", [0.3, 1.0, 2.4])
def test_a_colour_arrives_as_that_colour(layout: Layout, zoom: float) -> None:
    planes = noise(layout.empty(150, 140))
    matrix = alignment(75, 70, zoom, SIZE)
    wanted = np.array([0.4, -0.3, 0.1], np.float32)
    composite(planes, matrix, np.broadcast_to(wanted[:, None, None], (3, SIZE, SIZE)).copy(), disc())
    crop = sample_crop(planes, matrix, SIZE)
    middle = crop[:, 28:36, 28:36].mean(axis=(1, 2))
    np.testing.assert_allclose(middle, wanted, atol=0.012)


def test_half_alpha_is_half_way() -> None:
    planes = LAYOUTS["444-full-601"].empty(64, 64)
    planes.y[...], planes.u[...], planes.v[...] = 200, 128, 128
    composite(
        planes, np.eye(2, 3), np.full((3, SIZE, SIZE), -1, np.float32), np.full((SIZE, SIZE), 0.5, np.float32)
    )
    assert (planes.y == 100).all()


@pytest.mark.parametrize("layout", ["420", "nv12", "422-10", "444"])
@pytest.mark.parametrize("size", [(33, 21), (64, 48), (7, 5)])
def test_crops_beyond_the_frame(layout: str, size: tuple[int, int]) -> None:
    planes = noise(LAYOUTS[layout].empty(*size))
    inpainted = np.zeros((3, SIZE, SIZE), np.float32)
    for x, y in ((0, 0), (size[0], 0), (0, size[1] - 1), (size[0] / 2, size[1] * 1.2)):
        box = composite(planes, alignment(x, y, 0.7, SIZE, 0.5), inpainted, disc())
        assert box is not None
        assert 0 <= box.x0 < box.x1 <= size[0]
        assert 0 <= box.y0 < box.y1 <= size[1]
    before = copies(planes)
    for x, y in ((-200, 10), (10, 400), (9999, -9999)):
        assert composite(planes, alignment(x, y, 0.7, SIZE, 0.5), inpainted, disc()) is None
    for plane, old in zip((planes.y, planes.u, planes.v), before, strict=True):
        np.testing.assert_array_equal(plane, old)


def test_no_alpha_no_change() -> None:
    planes = noise(LAYOUTS["420"].empty(64, 64))
    before = copies(planes)
    assert (
        composite(
            planes, np.eye(2, 3), np.ones((3, SIZE, SIZE), np.float32), np.zeros((SIZE, SIZE), np.float32)
        )
        is None
    )
    np.testing.assert_array_equal(planes.y, before[0])


@pytest.mark.parametrize("layout", ["420", "420-10", "444-full-601"])
@pytest.mark.parametrize("zoom", [0.5, 1.0, 2.5])
def test_grain_has_the_deviation_asked_for(layout: str, zoom: float) -> None:
    planes = LAYOUTS[layout].empty(200, 200)
    matrix = alignment(100, 100, zoom, SIZE)
    flat = np.zeros((3, SIZE, SIZE), np.float32)
    composite(planes, matrix, flat, np.ones((SIZE, SIZE), np.float32), Grain(noise=0.04))
    half = int(SIZE * zoom / 2) - 3
    span = (255 if planes.full_range else 219) << (planes.depth - 8)
    noisy = planes.y[100 - half : 100 + half, 100 - half : 100 + half] / span
    assert noisy.std() == pytest.approx(0.04, rel=0.2)


def test_texture_moves_with_the_face_and_noise_does_not() -> None:
    flat, opaque = np.zeros((3, SIZE, SIZE), np.float32), np.ones((SIZE, SIZE), np.float32)

    def draw(x: int, grain: Grain) -> np.ndarray:
        planes = LAYOUTS["420"].empty(120, 100)
        composite(planes, alignment(x, 50, 1.0, SIZE), flat, opaque, grain)
        return planes.y[30:70, x - 20 : x + 20].astype(float)

    steady, noisy = Grain(texture=0.05), Grain(noise=0.05)
    assert np.corrcoef(draw(50, steady).ravel(), draw(57, steady).ravel())[0, 1] > 0.95
    assert abs(np.corrcoef(draw(50, noisy).ravel(), draw(57, noisy).ravel())[0, 1]) < 0.2
    other = Grain(noise=0.05, shift_x=77, shift_y=5)
    assert abs(np.corrcoef(draw(50, noisy).ravel(), draw(50, other).ravel())[0, 1]) < 0.2


def test_texture_stays_while_the_mask_beneath_it_changes() -> None:
    flat, grain = np.zeros((3, SIZE, SIZE), np.float32), Grain(texture=0.05)
    drawn = []
    for radius in (15.0, 22.0):
        planes = LAYOUTS["420"].empty(140, 140)
        composite(planes, alignment(70, 70, 2.0, SIZE), flat, disc(radius), grain)
        drawn.append(planes.y[50:90, 50:90].astype(int))
    assert drawn[0].std() > 5
    assert np.abs(drawn[0] - drawn[1]).max() <= 1


@pytest.mark.parametrize(("softness", "fineness"), FINENESS.items())
def test_noise_tiles_repeat_without_a_seam_and_are_as_fine_as_said(softness: float, fineness: float) -> None:
    tile = noise_tile(softness)
    np.testing.assert_array_equal(tile[-1], tile[0])
    np.testing.assert_array_equal(tile[:, -1], tile[:, 0])
    assert tile[:-1, :-1].std() == pytest.approx(1, abs=1e-3)
    operator = np.outer([1, -2, 1], [1, -2, 1]) / 6
    assert cv2.filter2D(tile, -1, operator).std() == pytest.approx(fineness, rel=0.05, abs=0.01)
