"""Training pairs: a face with a mask on, its map, and the face beneath."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stream_unmask.faces.alignment import Pose, fit_pose, mean_face
from stream_unmask.synth.distractors import bear_something, hold_something
from stream_unmask.synth.drawing import lay_over, warp
from stream_unmask.synth.masks import wear
from stream_unmask.synth.overlays import draw_glasses, draw_hair, draw_shield, stand_beside
from stream_unmask.synth.photometric import cut_off, damage, fade, light
from stream_unmask.synth.turning import draw_turn
from trainer.data import SET_WEIGHTS, Photo, RealFace

FloatArray = NDArray[np.float32]
Bytes = NDArray[np.uint8]

CROP_IN_EYES = 3.4
"""Side of a crop in eye distances, as the alignment has it."""

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
    """

    size: int = 256
    masked: float = 0.8
    distracted: float = 0.45
    damage: float = 1.0
    varied: bool = True
    faceless: float = 0.0


@dataclass(frozen=True, slots=True)
class Pair:
    """One made pair.

    Attributes:
        crop: (S, S, 3) uint8 RGB, what the networks see.
        map: (S, S) uint8, 255 where the mask is.
        truth: (S, S, 3) uint8 RGB, the same face without the mask.
    """

    crop: Bytes
    map: Bytes
    truth: Bytes


def _jittered(pose: Pose, rng: np.random.Generator) -> Pose:
    """The pose as a mesh that is unsure beneath a mask would find it."""
    side = CROP_IN_EYES * pose.scale
    return Pose(
        pose.x + side * float(rng.normal(0, 0.014)),
        pose.y + side * float(rng.normal(0, 0.018)),
        pose.roll + float(np.radians(rng.normal(0, 2.2))),
        pose.scale * float(np.exp(rng.normal(0, 0.03))),
        pose.yaw,
    )


def aligned(photo: Photo, size: int, rng: np.random.Generator | None) -> tuple[Bytes, FloatArray, float]:
    """A photo's crop as the product would cut it, with chance if ``rng`` is given.

    Returns:
        (S, S, 3) uint8 RGB crop, (468, 2) mesh points in its pixels, yaw in degrees.
    """
    picture, points = photo.picture(), photo.points
    if rng is not None and rng.random() < 0.5:
        width = picture.shape[1]
        picture = np.asarray(cv2.flip(picture, 1), np.uint8)
        points = _mirrored(points, width)
    turn = None
    if rng is not None and rng.random() < _TURNED:
        turn = draw_turn(points, picture.shape[0], rng)
    points = points if turn is None else turn.points
    pose = fit_pose(points)
    matrix = (_jittered(pose, rng) if rng is not None else pose).alignment(size).matrix
    moved = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    if turn is None:
        return warp(picture, matrix, size, cv2.BORDER_REFLECT_101), moved, pose.yaw
    return turn.crop(picture, matrix, size), moved, pose.yaw


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
    map: Bytes
    truth: Bytes
    points: FloatArray


def compose(photo: Photo, settings: PairSettings, rng: np.random.Generator) -> Composed:
    """Align a photo and put a random mask on it, or what could be taken for one."""
    truth, points, yaw = aligned(photo, settings.size, rng if settings.varied else None)
    unit = settings.size / CROP_IN_EYES
    masked = rng.random() < settings.masked
    if rng.random() < settings.distracted * (0.2 if masked else 0.6):
        truth = truth.copy()
        bear_something(truth, points, unit, rng)
    if not masked:
        if rng.random() < settings.distracted * 0.6:
            truth = truth.copy()
            hold_something(truth, points, unit, rng)
        return Composed(truth, np.zeros(truth.shape[:2], np.uint8), truth, points)
    worn = wear(truth, points, yaw, unit, rng)
    crop, map_ = worn.picture, worn.map
    if settings.varied:
        if rng.random() < 0.03:
            crop, truth = stand_beside((crop, truth), crop, map_, points, unit, rng)
        if rng.random() < 0.02:
            crop, truth = draw_shield(crop, truth, points, unit, rng)
        for chance, draw in ((0.12, draw_glasses), (0.13, draw_hair)):
            if rng.random() < chance:
                area, paint = draw(truth, points, unit, rng)
                crop, truth = lay_over(crop, paint, area), lay_over(truth, paint, area)
                map_ = np.minimum(map_, 255 - area)
        if rng.random() < 0.3 * settings.distracted:
            held = hold_something(crop, points, unit, rng)
            map_ = np.minimum(map_, 255 - held)
    return Composed(crop, map_, truth, points)


def _anywhere(photo: Photo, settings: PairSettings, rng: np.random.Generator) -> Pair:
    """A crop from anywhere in a photo: background, hair, a neck, a face upside down; no mask."""
    picture = photo.picture()
    height, width = picture.shape[:2]
    x, y = (float(rng.uniform(0, end)) for end in (width, height))
    scale = fit_pose(photo.points).scale * float(np.exp(rng.uniform(np.log(0.2), np.log(1.2))))
    matrix = Pose(x, y, float(rng.uniform(-np.pi, np.pi)), scale, 0.0).alignment(settings.size).matrix
    border = cv2.BORDER_REFLECT_101 if rng.random() < 0.7 else cv2.BORDER_REPLICATE
    crop = warp(picture, matrix, settings.size, border)
    crop, _ = light(crop, crop, rng)
    if rng.random() < 0.5:
        blurred = cv2.GaussianBlur(crop, (0, 0), float(rng.uniform(2, 8)) * settings.size / 256)
        crop = np.asarray(cv2.convertScaleAbs(blurred, alpha=float(rng.uniform(0.2, 1.0))), np.uint8)
    (crop,) = damage([crop], rng, settings.damage)
    return Pair(crop, np.zeros(crop.shape[:2], np.uint8), crop)


def make_pair(photo: Photo, settings: PairSettings, rng: np.random.Generator) -> Pair:
    """Put a random mask (or none) on a photo's face, light it, hurt it."""
    if settings.faceless and rng.random() < settings.faceless:
        return _anywhere(photo, settings, rng)
    composed = compose(photo, settings, rng)
    crop, map_, truth = composed.crop, composed.map, composed.truth
    if settings.varied:
        crop, truth = fade(*light(crop, truth, rng), rng)
        if rng.random() < 0.07:
            crop, map_ = cut_off(crop, map_, rng)
    if settings.damage > 0:
        (crop,) = damage([crop], rng, settings.damage)
    return Pair(crop, map_, truth)


class PhotoDraw:
    """Which photo the n-th sample shows: by the weight of its set, the same for the same seed."""

    def __init__(self, photos: Sequence[Photo], seed: int) -> None:
        weights = np.array([SET_WEIGHTS.get(photo.set, 1.0) for photo in photos], np.float64)
        self._photos = photos
        self._edges = np.cumsum(weights / weights.sum())
        self._seed = seed

    def __call__(self, index: int) -> tuple[Photo, np.random.Generator]:
        """The photo of sample ``index`` and the chance that goes with it."""
        rng = np.random.default_rng((self._seed, index))
        place = int(np.searchsorted(self._edges, rng.random()))
        return self._photos[min(place, len(self._photos) - 1)], rng


def to_tensor(picture: Bytes) -> Tensor:
    """(S, S, 3) RGB to (3, S, S) in -1..1, or (S, S) map to (1, S, S) in 0..1, still as bytes on the way.

    Bytes cross from the worker to the trainer; :func:`stream_unmask.synth.pairs.unpack` makes floats of them.
    """
    array = np.empty((1 if picture.ndim == 2 else 3, *picture.shape[:2]), np.uint8)
    cv2.split(picture, list(array))
    return torch.from_numpy(array)


def unpack(data: Tensor) -> Tensor:
    """uint8 N,3,H,W to floats in -1..1; N,1,H,W to floats in 0..1."""
    return data.float() / 255 if data.shape[1] == 1 else data.float() / 127.5 - 1


def make_real_pair(face: RealFace, settings: PairSettings, rng: np.random.Generator) -> Pair:
    """A real face, moved, lit and hurt at random; its truth, which nobody knows, is the crop."""
    crop, map_, size = face.crop, face.map, settings.size
    if rng.random() < 0.5:
        crop, map_ = (np.asarray(cv2.flip(each, 1), np.uint8) for each in (crop, map_))
    side = crop.shape[0]
    still = Pose((side - 1) / 2, (side - 1) / 2, 0.0, side / CROP_IN_EYES, 0.0)
    matrix = _jittered(still, rng).alignment(size).matrix
    moved = warp(crop, matrix, size, cv2.BORDER_REFLECT_101)
    moved_map = warp(map_, matrix, size, cv2.BORDER_CONSTANT)
    lit, truth = light(moved, moved, rng)
    if settings.damage > 0:
        (lit,) = damage([lit], rng, settings.damage)
    return Pair(lit, moved_map, truth)


class PairData(torch.utils.data.Dataset[dict[str, Tensor]]):
    """Endless pairs by number: sample n is the same in every run with the same seed."""

    def __init__(
        self,
        photos: Sequence[Photo],
        settings: PairSettings,
        seed: int,
        count: int,
        real: Sequence[RealFace] = (),
        share: float = 0.15,
    ) -> None:
        """Draw from photos, and from real faces if there are any.

        Args:
            photos: faces without masks.
            settings: which pairs are made of them.
            seed: of all chance.
            count: how many samples there are.
            real: faces with pseudo-labels, for the segmenter: see
                :func:`trainer.packing.pseudo_labels.pseudo_labelled`.
            share: of the samples that are real, if there are any.
        """
        self._draw = PhotoDraw(photos, seed)
        self._settings = settings
        self._count = count
        self._real = real
        self._share = share

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        photo, rng = self._draw(index)
        if self._real and rng.random() < self._share:
            pair = make_real_pair(self._real[int(rng.integers(len(self._real)))], self._settings, rng)
        else:
            pair = make_pair(photo, self._settings, rng)
        return {"crop": to_tensor(pair.crop), "map": to_tensor(pair.map), "truth": to_tensor(pair.truth)}
