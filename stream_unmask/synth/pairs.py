"""Pairs of pictures: a face with a mask on, where the mask is, and the face beneath."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import CROP_SIDE, MESH_POINTS, Pose, fit_pose, mean_face
from stream_unmask.synth.distractors import bear_something, hold_something
from stream_unmask.synth.drawing import lay_over, warp
from stream_unmask.synth.masks import wear
from stream_unmask.synth.overlays import draw_glasses, draw_hair, draw_shield, stand_beside
from stream_unmask.synth.photometric import Codec, cut_off, damage, fade, light
from stream_unmask.synth.photos import check_face
from stream_unmask.synth.style import ANY, MaskStyle
from stream_unmask.synth.turning import draw_turn

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]

_TURNED = 0.16
"""Share of the varied samples whose heads are turned further: photos show few that are, videos many."""


@dataclass(frozen=True, slots=True)
class PairSettings:
    """Which pairs are made.

    Attributes:
        size: side of the crops in pixels.
        masked: share of faces that wear a mask.
        distracted: share of unmasked faces with something that could be taken for a mask, such as a
            hand before the mouth, a beard or a collar; about a third of it for masked ones.
        damage: 0..1, how badly the input is hurt by blur, noise and compression.
        varied: whether alignment, light and mirroring vary; without, only the mask is random.
        faceless: share of crops that lie anywhere in the photo, turned and scaled anyhow: what a crop
            shows when it is cut where there is no face, and no mask either.
        codec: see :func:`stream_unmask.synth.photometric.damage`.
        style: what of the masks is not left to chance.
    """

    size: int = 256
    masked: float = 0.8
    distracted: float = 0.45
    damage: float = 1.0
    varied: bool = True
    faceless: float = 0.0
    codec: Codec | None = None
    style: MaskStyle = ANY


USUAL = PairSettings()


@dataclass(frozen=True, slots=True)
class Pair:
    """One made pair.

    Attributes:
        crop: (S, S, 3) uint8 RGB, what the networks see.
        mask: (S, S) uint8, 255 where the mask is.
        truth: (S, S, 3) uint8 RGB, the same face without the mask.
    """

    crop: Bytes
    mask: Bytes
    truth: Bytes


def jittered(pose: Pose, rng: np.random.Generator) -> Pose:
    """The pose as a mesh that is unsure beneath a mask would find it."""
    side = CROP_SIDE * pose.scale
    return Pose(
        pose.x + side * float(rng.normal(0, 0.014)),
        pose.y + side * float(rng.normal(0, 0.018)),
        pose.roll + float(np.radians(rng.normal(0, 2.2))),
        pose.scale * float(np.exp(rng.normal(0, 0.03))),
        pose.yaw,
    )


def aligned(
    photo: Bytes, mesh: FloatArray, size: int, rng: np.random.Generator | None
) -> tuple[Bytes, FloatArray, float]:
    """A photo's crop as the product would cut it, with chance if ``rng`` is given.

    Args:
        photo: (H, W, 3) uint8 RGB.
        mesh: (468, 2) float32 mesh points of its face, in its pixels.
        size: side S of the crop in pixels.
        rng: where all chance comes from.

    Returns:
        (S, S, 3) uint8 RGB crop, (468, 2) mesh points in its pixels, yaw in degrees.
    """
    if rng is not None and rng.random() < 0.5:
        width = photo.shape[1]
        photo = np.asarray(cv2.flip(photo, 1), np.uint8)
        mesh = _mirrored(mesh, width)
    turn = None
    if rng is not None and rng.random() < _TURNED:
        turn = draw_turn(mesh, photo.shape[0], rng)
    mesh = mesh if turn is None else turn.points
    pose = fit_pose(mesh)
    matrix = (jittered(pose, rng) if rng is not None else pose).alignment(size).matrix
    moved = (mesh @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    if turn is None:
        return warp(photo, matrix, size, cv2.BORDER_REFLECT_101), moved, pose.yaw
    return turn.crop(photo, matrix, size), moved, pose.yaw


@cache
def _mirror_pairs() -> NDArray[np.intp]:
    """For each mesh point the one that takes its place in a mirror."""
    mean = mean_face()
    distance = (((mean * [-1, 1, 1])[:, None] - mean[None]) ** 2).sum(-1)
    return np.asarray(distance.argmin(1), np.intp)


def _mirrored(points: FloatArray, width: int) -> FloatArray:
    flipped = points[_mirror_pairs()].copy()
    flipped[:, 0] = width - 1 - flipped[:, 0]
    return flipped


@dataclass(frozen=True, slots=True)
class Composed:
    """A pair before light and damage, with the (468, 2) mesh points of its face in crop pixels."""

    crop: Bytes
    mask: Bytes
    truth: Bytes
    points: FloatArray


def compose(photo: Bytes, mesh: FloatArray, rng: np.random.Generator, settings: PairSettings) -> Composed:
    """Align a photo and put a random mask on it, or what could be taken for one."""
    truth, points, yaw = aligned(photo, mesh, settings.size, rng if settings.varied else None)
    unit = settings.size / CROP_SIDE
    masked = rng.random() < settings.masked
    if rng.random() < settings.distracted * (0.2 if masked else 0.6):
        truth = truth.copy()
        bear_something(truth, points, unit, rng)
    if not masked:
        if rng.random() < settings.distracted * 0.6:
            truth = truth.copy()
            hold_something(truth, points, unit, rng)
        return Composed(truth, np.zeros(truth.shape[:2], np.uint8), truth, points)
    worn = wear(truth, points, yaw, unit, rng, settings.style)
    crop, mask = worn.picture, worn.mask
    if settings.varied:
        if rng.random() < 0.03:
            crop, truth = stand_beside((crop, truth), crop, mask, points, unit, rng)
        if rng.random() < 0.02:
            crop, truth = draw_shield(crop, truth, points, unit, rng)
        for chance, draw in ((0.12, draw_glasses), (0.13, draw_hair)):
            if rng.random() < chance:
                area, paint = draw(truth, points, unit, rng)
                crop, truth = lay_over(crop, paint, area), lay_over(truth, paint, area)
                mask = np.minimum(mask, 255 - area)
        if rng.random() < 0.3 * settings.distracted:
            held = hold_something(crop, points, unit, rng)
            mask = np.minimum(mask, 255 - held)
    return Composed(crop, mask, truth, points)


def _anywhere(photo: Bytes, mesh: FloatArray, rng: np.random.Generator, settings: PairSettings) -> Pair:
    """A crop from anywhere in a photo: background, hair, a neck, a face upside down; no mask."""
    height, width = photo.shape[:2]
    x, y = (float(rng.uniform(0, end)) for end in (width, height))
    scale = fit_pose(mesh).scale * float(np.exp(rng.uniform(np.log(0.2), np.log(1.2))))
    matrix = Pose(x, y, float(rng.uniform(-np.pi, np.pi)), scale, 0.0).alignment(settings.size).matrix
    border = cv2.BORDER_REFLECT_101 if rng.random() < 0.7 else cv2.BORDER_REPLICATE
    crop = warp(photo, matrix, settings.size, border)
    crop, _ = light(crop, crop, rng)
    if rng.random() < 0.5:
        blurred = cv2.GaussianBlur(crop, (0, 0), float(rng.uniform(2, 8)) * settings.size / 256)
        crop = np.asarray(cv2.convertScaleAbs(blurred, alpha=float(rng.uniform(0.2, 1.0))), np.uint8)
    (crop,) = damage([crop], rng, settings.damage, settings.codec)
    return Pair(crop, np.zeros(crop.shape[:2], np.uint8), crop)


def make_pair(
    photo: Bytes, mesh: FloatArray, rng: np.random.Generator, settings: PairSettings = USUAL
) -> Pair:
    """Put a random mask (or none) on a photo's face, light it, hurt it.

    Args:
        photo: (H, W, 3) uint8 RGB.
        mesh: (468, 2) float32 mesh points of its face, in its pixels.
        rng: where all chance comes from: the same pair for the same seed.
        settings: which mask, and how badly the picture is hurt.

    Raises:
        ValueError: the photo or the mesh is of another shape or type.
    """
    check_face(photo, mesh)
    mesh = mesh[:MESH_POINTS, :2]
    if settings.faceless and rng.random() < settings.faceless:
        return _anywhere(photo, mesh, rng, settings)
    composed = compose(photo, mesh, rng, settings)
    crop, mask, truth = composed.crop, composed.mask, composed.truth
    if settings.varied:
        crop, truth = fade(*light(crop, truth, rng), rng)
        if rng.random() < 0.07:
            crop, mask = cut_off(crop, mask, rng)
    if settings.damage > 0:
        (crop,) = damage([crop], rng, settings.damage, settings.codec)
    return Pair(crop, mask, truth)
