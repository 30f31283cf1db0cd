"""Drawn faces, masks and networks that stand in for the real ones."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.engine import Port
from stream_unmask.faces.alignment import Alignment
from stream_unmask.inpainting import graining
from stream_unmask.inpainting.cpu import colour, smoothing
from stream_unmask.inpainting.face import FaceState, FaceView
from stream_unmask.inpainting.graining import GrainEstimate, GrainSettings, noise_source
from stream_unmask.inpainting.parameters import ColourSettings, SmoothingSettings
from stream_unmask.pixels.colours import from_rgb
from stream_unmask.pixels.grain import Grain
from stream_unmask.pixels.planes import Planes

SIZE = 128
Picture = NDArray[np.float32]


def alignment(
    x: float = 0.0, y: float = 0.0, zoom: float = 1.0, size: int = SIZE, yaw: float = 0.0
) -> Alignment:
    """A crop whose upper left pixel lies at (x, y) in the frame, ``zoom`` frame pixels per crop pixel."""
    matrix = np.array([[1 / zoom, 0, -x / zoom], [0, 1 / zoom, -y / zoom]])
    return Alignment(matrix, size, yaw, size * zoom / 3.4)


def soft_mask(size: int = SIZE, x: float = 0.5, y: float = 0.64, radius: float = 0.24) -> Picture:
    """(S, S) of a drawn mask with a soft edge two pixels wide."""
    rows, columns = np.mgrid[:size, :size] / size
    away = np.hypot((columns - x) / radius, (rows - y) / (radius * 0.75))
    soft: Picture = np.clip((1 - away) * size * radius / 2 + 0.5, 0, 1).astype(np.float32)
    return soft


def face(size: int = SIZE) -> Picture:
    """(3, S, S) skin with some light from one side, eyes and a mouth."""
    rows, columns = (np.mgrid[:size, :size] / size).astype(np.float32)
    skin = np.stack([0.35 + 0.2 * columns, 0.05 + 0.2 * columns, -0.15 + 0.2 * columns])
    for x, y, wide, high in ((0.35, 0.35, 0.06, 0.03), (0.65, 0.35, 0.06, 0.03), (0.5, 0.72, 0.12, 0.03)):
        spot = np.exp(-(((columns - x) / wide) ** 2) - ((rows - y) / high) ** 2)
        skin = skin - 0.5 * spot
    return np.ascontiguousarray(skin, np.float32)


def softened(picture: Picture, deviation: float) -> Picture:
    planes = [cv2.GaussianBlur(plane, (0, 0), deviation) for plane in picture]
    return np.ascontiguousarray(np.stack(planes), np.float32)


def frame_of(picture: Picture, noise: float = 0.0, seed: int = 0) -> Planes:
    """4:4:4 planes showing a (3, H, W) picture in [-1, 1] under ``noise`` levels of luma noise."""
    _, high, wide = picture.shape
    y, u, v = np.empty((3, high, wide), np.uint8)
    planes = Planes(y, u, v, 0, 0, 8, 0.2126, 0.0722, True, False, False)
    matrix = from_rgb(planes)
    random = np.random.default_rng(seed).normal(0, 1, (high, wide))
    for plane, weights, amount in zip((planes.y, planes.u, planes.v), matrix, (noise, 0, 0), strict=True):
        values = np.tensordot(weights[:3], picture, 1) + weights[3] + amount * random
        plane[...] = np.clip(np.rint(values), 0, 255)
    return planes


def view(state: FaceState, place: Alignment) -> FaceView:
    """A face whose mesh nobody looks at."""
    side = place.size / place.scale
    return FaceView(state, place, np.zeros((468, 3)), (0.0, 0.0, side, side))


class Smoother:
    """Steadies one face's frames, one after the other."""

    def __init__(self) -> None:
        self._last: smoothing.Steadied | None = None

    def smooth(
        self, crop: Picture, mask: Picture, inpainted: Picture, place: Alignment, elapsed: float
    ) -> tuple[Picture, Picture]:
        settings = SmoothingSettings()
        made = smoothing.smooth(crop, mask, inpainted, self._last, place, elapsed, settings)
        self._last = made
        return made.mask, made.inpainted


class Matcher:
    """Matches one face's frames, one after the other."""

    def __init__(self) -> None:
        self.known = colour.Estimate()

    def match(self, crop: Picture, mask: Picture, inpainted: Picture, elapsed: float) -> Picture:
        settings = ColourSettings()
        matched, self.known = colour.match(crop, mask, inpainted, self.known, elapsed, settings)
        return matched


class Meter:
    """Measures the grain of one face's frames, one after the other."""

    def __init__(self) -> None:
        self._known, self._random = GrainEstimate(), noise_source()

    def measure(self, planes: Planes, place: Alignment, outline: Picture, elapsed: float) -> Grain:
        settings = GrainSettings()
        grain, self._known = graining.measure(
            planes, place, outline, self._known, elapsed, self._random, settings
        )
        return grain


class FakeEngine:
    """Answers with what ``answer`` makes of its inputs, in a buffer that every call overwrites."""

    max_batch = 1
    description = "a stand-in"
    outputs: tuple[Port, ...] = ()

    def __init__(self, answer: Callable[..., Picture], side: int = SIZE) -> None:
        self.inputs: tuple[Port, ...] = (Port("crop", (1, 3, side, side)),)
        self._answer = answer
        self._buffer: Picture | None = None
        self.shapes: list[tuple[int, ...]] = []

    def run(self, *inputs: Picture) -> tuple[Picture, ...]:
        self.shapes = [entry.shape for entry in inputs]
        assert all(entry.flags.c_contiguous and entry.dtype == np.float32 for entry in inputs)
        answer = self._answer(*inputs)
        if self._buffer is None:
            self._buffer = np.empty_like(answer)
        self._buffer[...] = answer
        return (self._buffer,)
