"""Two frames of one masked face: the photo, and the same a moment earlier."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from trainer.data import Photo
from trainer.synth.pairs import Pair, PairData, PairSettings, compose, light, to_tensor
from trainer.synth.photometric import damage

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Clip:
    """A frame and the one before it.

    Attributes:
        now: the frame.
        before: the crop of the frame before, (S, S, 3) uint8 RGB.
        before_map: its map, (S, S) uint8.
        rough: this frame's map as a segmenter might give it, (S, S) uint8.
        motion: (2, 3) float32 similarity from this frame's crop to that of the frame before, both in
            -1..1 across the picture: what :func:`torch.nn.functional.affine_grid` takes to bring the last
            patch into this crop.
    """

    now: Pair
    before: Bytes
    before_map: Bytes
    rough: Bytes
    motion: NDArray[np.float32]


def _draw_motion(size: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """(2, 3) similarity of what alignments leave of a face's motion, in pixels."""
    strength = float(rng.choice((0.3, 1.0, 2.0), p=(0.4, 0.4, 0.2)))
    angle, zoom = np.radians(strength * rng.normal(0, 0.8)), np.exp(strength * rng.normal(0, 0.008))
    cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
    middle = (size - 1) / 2
    shift = strength * rng.normal(0, 0.006, 2) * size
    turn = np.array([[cos, sin], [-sin, cos]])
    return np.concatenate([turn, (middle + shift - turn @ (middle, middle))[:, None]], 1)


def _centred(matrix: NDArray[np.float64], size: int) -> NDArray[np.float32]:
    """A pixel similarity in coordinates of -1..1 across the picture (corners of the outer pixels)."""
    turn = matrix[:, :2]
    middle = (size - 1) / 2
    shift = (turn @ (middle, middle) + matrix[:, 2] - middle) * 2 / size
    return np.concatenate([turn, shift[:, None]], 1).astype(np.float32)


def _roughened(map_: Bytes, rng: np.random.Generator) -> Bytes:
    """A true map made wider or narrower, and soft."""
    reach = int(rng.integers(1, 5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    if rng.random() < 0.6:
        map_ = np.asarray(cv2.dilate(map_, kernel), np.uint8)
    elif reach < 3:
        map_ = np.asarray(cv2.erode(map_, kernel), np.uint8)
    return np.asarray(cv2.GaussianBlur(map_, (0, 0), float(rng.uniform(0.5, 2.5))), np.uint8)


def make_clip(photo: Photo, settings: PairSettings, rng: np.random.Generator) -> Clip:
    """Put a mask on a photo's face and move both a little."""
    crop, map_, truth = compose(photo, settings, rng)
    crop, truth = light(crop, truth, rng)
    motion = _draw_motion(settings.size, rng)
    sides = (settings.size, settings.size)
    before = np.asarray(cv2.warpAffine(crop, motion, sides, borderMode=cv2.BORDER_REFLECT_101), np.uint8)
    before_map = np.asarray(cv2.warpAffine(map_, motion, sides), np.uint8)
    gain = np.clip(np.arange(256) * np.exp(rng.normal(0, 0.03)), 0, 255).astype(np.uint8)
    before = np.asarray(cv2.LUT(before, gain), np.uint8)
    if settings.damage > 0:
        before, crop = damage([before, crop], rng, settings.damage)
    now = Pair(crop, map_, truth)
    # The alignments are a pixel or so off.
    motion[:, 2] += rng.normal(0, 0.6, 2) * settings.size / 256
    return Clip(now, before, before_map, _roughened(map_, rng), _centred(motion, settings.size))


class ClipData(PairData):
    """Endless clips by number: sample n is the same in every run with the same seed."""

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        photo, rng = self._draw(index)
        clip = make_clip(photo, self._settings, rng)
        return {
            "crop": to_tensor(clip.now.crop),
            "map": to_tensor(clip.now.map),
            "truth": to_tensor(clip.now.truth),
            "before": to_tensor(clip.before),
            "before_map": to_tensor(clip.before_map),
            "rough": to_tensor(clip.rough),
            "motion": torch.from_numpy(clip.motion),
        }
