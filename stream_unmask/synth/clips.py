"""Frames of one masked face: the photo, and how it may have looked moments earlier."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import CROP_SIDE, MESH_POINTS
from stream_unmask.synth.drawing import remap, warp
from stream_unmask.synth.expressions import bend, draw_expression
from stream_unmask.synth.pairs import USUAL, Pair, PairSettings, compose
from stream_unmask.synth.photometric import apply_tone, damage, fade, light
from stream_unmask.synth.photos import check_face

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]
Matrix = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shot:
    """Frames of one face in the order of time; the last one shows the photo as it is.

    Attributes:
        frames: at least two; each with its own mask and truth.
        motions: for each frame but the first a (2, 3) float32 similarity from its crop to that of the
            frame before, both in -1..1 across the picture: what :func:`torch.nn.functional.affine_grid`
            takes to bring the last inpainted crop into this one. A pixel or so off, as alignments are.
        points: (468, 2) float32 mesh points of the last frame's face, in pixels.
    """

    frames: tuple[Pair, ...]
    motions: tuple[FloatArray, ...]
    points: FloatArray


@dataclass(frozen=True, slots=True)
class Clip:
    """A frame and the one before it.

    Attributes:
        now: the frame.
        before: the crop of the frame before, (S, S, 3) uint8 RGB.
        before_mask: its mask, (S, S) uint8.
        rough: this frame's mask as a segmenter might give it, (S, S) uint8.
        motion: see :class:`Shot`.
        points: (468, 2) float32 mesh points of the frame's face, in pixels.
    """

    now: Pair
    before: Bytes
    before_mask: Bytes
    rough: Bytes
    motion: FloatArray
    points: FloatArray


def _draw_motion(size: int, strength: float, rng: np.random.Generator) -> Matrix:
    """(2, 3) similarity of what alignments leave of a face's motion, in pixels."""
    angle, zoom = np.radians(strength * rng.normal(0, 0.8)), np.exp(strength * rng.normal(0, 0.008))
    cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
    middle = (size - 1) / 2
    shift = strength * rng.normal(0, 0.006, 2) * size
    turn = np.array([[cos, sin], [-sin, cos]])
    return np.concatenate([turn, (middle + shift - turn @ (middle, middle))[:, None]], 1)


def _after(first: Matrix, second: Matrix) -> Matrix:
    """The similarity that does ``first``, then ``second``."""
    return np.concatenate([second[:, :2] @ first[:, :2], second[:, :2] @ first[:, 2:] + second[:, 2:]], 1)


def _centred(matrix: Matrix, size: int) -> FloatArray:
    """A pixel similarity in coordinates of -1..1 across the picture (corners of the outer pixels)."""
    turn = matrix[:, :2]
    middle = (size - 1) / 2
    shift = (turn @ (middle, middle) + matrix[:, 2] - middle) * 2 / size
    return np.concatenate([turn, shift[:, None]], 1).astype(np.float32)


def _moved(picture: Bytes, matrix: Matrix, offsets: FloatArray | None) -> Bytes:
    """The picture bent by ``offsets`` (S, S, 2), then moved by ``matrix``."""
    size = picture.shape[0]
    edge = cv2.BORDER_REFLECT_101 if picture.ndim == 3 else cv2.BORDER_CONSTANT
    if offsets is not None:
        places = np.arange(size, dtype=np.float32)
        x, y = offsets[..., 0] + places, offsets[..., 1] + places[:, None]
        picture = remap(picture, x, y, edge)
    return warp(picture, matrix, size, edge)


def _roughened(mask: Bytes, rng: np.random.Generator) -> Bytes:
    """A true mask made wider or narrower, and soft."""
    reach = int(rng.integers(1, 5))
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1))
    if rng.random() < 0.6:
        mask = np.asarray(cv2.dilate(mask, kernel), np.uint8)
    elif reach < 3:
        mask = np.asarray(cv2.erode(mask, kernel), np.uint8)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), float(rng.uniform(0.5, 2.5))), np.uint8)


def make_shot(
    photo: Bytes,
    mesh: FloatArray,
    rng: np.random.Generator,
    settings: PairSettings = USUAL,
    frames: int = 2,
) -> Shot:
    """Put a mask on a photo's face and let it move, speak, and be lit and filmed for some frames.

    Args:
        photo: (H, W, 3) uint8 RGB.
        mesh: (468, 2) float32 mesh points of its face, in its pixels.
        rng: where all chance comes from: the same frames for the same seed.
        settings: which mask, and how badly the frames are hurt.
        frames: how many, at least 2.

    Raises:
        ValueError: the photo or the mesh is of another shape or type.
    """
    check_face(photo, mesh)
    mesh = mesh[:MESH_POINTS, :2]
    composed = compose(photo, mesh, rng, settings)
    crop, truth = light(composed.crop, composed.truth, rng)
    if settings.varied:
        crop, truth = fade(crop, truth, rng)
    size = settings.size
    strength = float(rng.choice((0.3, 1.0, 2.0), p=(0.4, 0.4, 0.2)))
    # From the last frame backwards: where the photo's pixels lie in each frame.
    ways, shown = [np.eye(2, 3)], [Pair(crop, composed.mask, truth)]
    expression, gain = draw_expression(rng), 1.0
    for number in range(1, frames):
        ways.append(_after(ways[-1], _draw_motion(size, strength, rng)))
        gain *= float(np.exp(rng.normal(0, 0.03)))
        table = np.clip(np.arange(256)[:, None] * gain, 0, 255).astype(np.uint8).repeat(3, 1)
        pull = expression * np.float32(np.sin(0.5 * np.pi * number / (frames - 1)))
        hidden, seen = (
            bend(pull, composed.points, size, size / CROP_SIDE, worn)
            for worn in (False, bool(composed.mask.any()))
        )
        before, mask = _moved(crop, ways[-1], seen), _moved(composed.mask, ways[-1], seen)
        beneath = _moved(truth, ways[-1], hidden)
        before, beneath = apply_tone(before, table), apply_tone(beneath, table)
        shown.append(Pair(before, mask, beneath))
    ways, shown = ways[::-1], shown[::-1]
    if settings.damage > 0:
        hurt = damage([frame.crop for frame in shown], rng, settings.damage, settings.codec)
        shown = [Pair(crop, frame.mask, frame.truth) for crop, frame in zip(hurt, shown, strict=True)]
    motions = []
    for last, this in pairwise(ways):
        motion = _after(np.asarray(cv2.invertAffineTransform(this)), last)
        motion[:, 2] += rng.normal(0, 0.6, 2) * size / 256
        motions.append(_centred(motion, size))
    return Shot(tuple(shown), tuple(motions), composed.points)


def make_clip(
    photo: Bytes, mesh: FloatArray, rng: np.random.Generator, settings: PairSettings = USUAL
) -> Clip:
    """Put a mask on a photo's face, and show it in two frames, between which it moves and is lit anew.

    Args:
        photo: (H, W, 3) uint8 RGB.
        mesh: (468, 2) float32 mesh points of its face, in its pixels.
        rng: where all chance comes from: the same clip for the same seed.
        settings: which mask, and how badly the frames are hurt.

    Returns:
        The frame that shows the photo as it is, the one before it, and a mask such as a segmenter makes.

    Raises:
        ValueError: the photo or the mesh is of another shape or type.
    """
    shot = make_shot(photo, mesh, rng, settings)
    before, now = shot.frames
    return Clip(now, before.crop, before.mask, _roughened(now.mask, rng), shot.motions[0], shot.points)
