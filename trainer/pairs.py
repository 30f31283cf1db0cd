"""Pairs of pictures as training reads them: by number, as tensors."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from stream_unmask.faces.alignment import CROP_SIDE, Pose
from stream_unmask.synth.drawing import warp
from stream_unmask.synth.pairs import Pair, PairSettings, jittered, make_pair
from stream_unmask.synth.photometric import damage, light
from trainer.coding import coded
from trainer.data import Photo, RealFace

Bytes = NDArray[np.uint8]


class PhotoDraw:
    """Which photo the n-th sample shows: by their shares, the same for the same seed."""

    def __init__(self, photos: Sequence[Photo], seed: int) -> None:
        shares = np.array([photo.share for photo in photos], np.float64)
        self._photos = photos
        self._edges = np.cumsum(shares / shares.sum())
        self._seed = seed

    def __call__(self, index: int) -> tuple[Photo, np.random.Generator]:
        """The photo of sample ``index`` and the chance that goes with it."""
        rng = np.random.default_rng((self._seed, index))
        place = int(np.searchsorted(self._edges, rng.random()))
        return self._photos[min(place, len(self._photos) - 1)], rng


def to_tensor(picture: Bytes) -> Tensor:
    """(S, S, 3) RGB to (3, S, S) in -1..1, or (S, S) mask to (1, S, S) in 0..1, still as bytes on the way.

    Bytes cross from the worker to the trainer; :func:`trainer.pairs.unpack` makes floats of them.
    """
    array = np.empty((1 if picture.ndim == 2 else 3, *picture.shape[:2]), np.uint8)
    cv2.split(picture, list(array))
    return torch.from_numpy(array)


def unpack(data: Tensor) -> Tensor:
    """uint8 N,3,H,W to floats in -1..1; N,1,H,W to floats in 0..1."""
    return data.float() / 255 if data.shape[1] == 1 else data.float() / 127.5 - 1


def make_real_pair(face: RealFace, settings: PairSettings, rng: np.random.Generator) -> Pair:
    """A real face, moved, lit and hurt at random; its truth, which nobody knows, is the crop."""
    crop, mask, size = face.crop, face.mask, settings.size
    if rng.random() < 0.5:
        crop, mask = (np.asarray(cv2.flip(each, 1), np.uint8) for each in (crop, mask))
    side = crop.shape[0]
    still = Pose((side - 1) / 2, (side - 1) / 2, 0.0, side / CROP_SIDE, 0.0)
    matrix = jittered(still, rng).alignment(size).matrix
    moved = warp(crop, matrix, size, cv2.BORDER_REFLECT_101)
    moved_mask = warp(mask, matrix, size, cv2.BORDER_CONSTANT)
    lit, truth = light(moved, moved, rng)
    if settings.damage > 0:
        (lit,) = damage([lit], rng, settings.damage, settings.codec)
    return Pair(lit, moved_mask, truth)


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
        self._settings = coded(settings)
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
            pair = make_pair(photo.picture(), photo.points, rng, self._settings)
        return {"crop": to_tensor(pair.crop), "mask": to_tensor(pair.mask), "truth": to_tensor(pair.truth)}
