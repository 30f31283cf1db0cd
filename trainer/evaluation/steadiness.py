"""Whether what is painted holds still: in fresh noise, on faces that move, and in light that changes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.inpainting.cpu.segmenting import settled
from trainer.evaluation.constancy import light_below, spread
from trainer.evaluation.contestants import Contestant
from trainer.evaluation.heldout import SEED, HeldOut
from trainer.evaluation.measures import blend

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]
Level = TypeVar("Level", np.uint8, np.float32)
Matrix = NDArray[np.float64]

_NOISE = 3.0
_FRAMES = 12

_COLOURED = 0.35
"""By what share each colour of a light that changes is stronger and weaker than of a white one."""


@dataclass(frozen=True, slots=True)
class Steadiness:
    """Means over clips, inside the masks, the first three in levels of 255.

    Attributes:
        warping: root mean square change of the inpainted crop from frame to frame along the true motion of
            a face that moves (warping error: Lai et al., "Learning Blind Video Temporal Consistency", 2018).
        warping_truth: the same of the true faces, with the camera's noise: what no method has to undercut.
        flicker: mean absolute change from frame to frame on a still with fresh noise.
        constancy: spread, over a clip in coloured light that changes, of how bright chin and upper lip of the
            finished face are against the cheeks; see :func:`~trainer.evaluation.constancy.spread`.
        constancy_truth: the same of the true faces.
    """

    warping: float
    warping_truth: float
    flicker: float
    constancy: float
    constancy_truth: float


def steadiness(contestant: Contestant, faces: Sequence[HeldOut], frames: int) -> Steadiness:
    """Measure on a few faces; ``frames`` is how long the stills are."""
    moved = [warping_errors(contestant, face) for face in faces]
    stills = [flicker(contestant, face, frames) for face in faces]
    lights = [light_spreads(contestant, face) for face in faces]
    warping, truth = np.mean(moved, axis=0)
    light, true_light = np.mean(lights, axis=0)
    return Steadiness(float(warping), float(truth), float(np.mean(stills)), float(light), float(true_light))


def flicker(contestant: Contestant, face: HeldOut, frames: int) -> float:
    """Mean absolute change from frame to frame of what is inpainted on a still with fresh noise in each.

    Args:
        contestant: who paints.
        face: the still.
        frames: how many, at least 2.
    """
    rng = np.random.default_rng(SEED)
    inpainted = (_paint(contestant, _noisy(face.crop, rng), face.mask) for _ in range(frames))
    return float(np.mean([np.abs(now - before)[face.inside].mean() for before, now in pairwise(inpainted)]))


def warping_errors(contestant: Contestant, face: HeldOut) -> tuple[float, float]:
    """Warping error of the inpainted crops and of the true faces on a clip of one face."""
    rng = np.random.default_rng(SEED)
    size = len(face.crop)
    last: Matrix | None = None
    inpainted: FloatArray | None = None
    truth: FloatArray | None = None
    errors = []
    for number in range(_FRAMES):
        matrix = _motion(number / _FRAMES, size)
        crop = _noisy(_moved(face.crop, matrix), rng)
        mask = _moved(face.mask, matrix)
        true = _noisy(_moved(face.truth, matrix), rng).astype(np.float32)
        painted = _paint(contestant, crop, mask)
        if last is not None and inpainted is not None and truth is not None:
            step = matrix @ np.linalg.inv(last)
            inside = mask > 127
            changes = painted - _moved(inpainted, step), true - _moved(truth, step)
            errors.append([_rms(change, inside) for change in changes])
        last, inpainted, truth = matrix, painted, true
    one, other = np.mean(errors, axis=0)
    return float(one), float(other)


def light_spreads(contestant: Contestant, face: HeldOut) -> tuple[float, float]:
    """How much the light of chin and upper lip spreads against the cheeks', finished and true.

    On a clip of one face, in a light whose colour goes round once.
    """
    rng = np.random.default_rng(SEED)
    lights = []
    for number in range(_FRAMES):
        phases = 2 * np.pi * (number / _FRAMES + np.arange(3) / 3)
        colour = 1 + _COLOURED * np.sin(phases)
        crop, true = (_noisy(_lit(picture, colour), rng) for picture in (face.crop, face.truth))
        finished = blend(crop, face.inside.astype(np.float32), _paint(contestant, crop, face.mask))
        lights.append([light_below(picture, face.points) for picture in (finished, true)])
    one, other = (spread(each) for each in zip(*lights, strict=True))
    return one, other


def _lit(picture: Bytes, colour: NDArray[np.float64]) -> Bytes:
    """(S, S, 3) in a light of a colour (3,)."""
    return np.clip(picture * colour, 0, 255).astype(np.uint8)


def _paint(contestant: Contestant, crop: Bytes, mask: Bytes) -> FloatArray:
    crops = crop[None]
    masks = contestant.find(crops) if contestant.finds else (mask > 127).astype(np.float32)[None]
    return np.asarray(contestant.paint(crops, settled(masks))[0], np.float32)


def _motion(share: float, size: int) -> Matrix:
    """(3, 3) where the still's pixels have gone after a ``share`` of a slow sway."""
    turn, zoom = 0.05 * np.sin(2 * np.pi * share), 1 + 0.03 * np.sin(4 * np.pi * share)
    shift = 0.02 * size * np.array([np.sin(2 * np.pi * share), np.sin(4 * np.pi * share)])
    cos, sin, middle = np.cos(turn) * zoom, np.sin(turn) * zoom, (size - 1) / 2
    linear = np.array([[cos, -sin], [sin, cos]])
    matrix = np.eye(3)
    matrix[:2, :2] = linear
    matrix[:2, 2] = middle + shift - linear @ (middle, middle)
    return matrix


def _moved(picture: NDArray[Level], matrix: Matrix) -> NDArray[Level]:
    edge = cv2.BORDER_REFLECT_101
    moved = cv2.warpAffine(picture, matrix[:2], picture.shape[1::-1], flags=cv2.INTER_LINEAR, borderMode=edge)
    return np.asarray(moved, picture.dtype)


def _noisy(picture: Bytes, rng: np.random.Generator) -> Bytes:
    return np.clip(picture + rng.normal(0, _NOISE, picture.shape), 0, 255).astype(np.uint8)


def _rms(change: FloatArray, where: NDArray[np.bool_]) -> float:
    return float(np.sqrt((change[where] ** 2).mean()))
