"""Learning how faces strike one: as a woman's or a man's, as a child's (what stand-ins are chosen by)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError
from stream_unmask.faces.alignment import align
from stream_unmask.inpainting.stand_ins.describing import SIDE, UpperFace
from stream_unmask.inpainting.stand_ins.impressions import Impressions, Label, Reading, fit_reading
from trainer.data import HELD_OUT, Photo

_SHIFT, _ZOOM, _TURN = 0.02, 0.05, 3.0
"""Spreads of how differently a crop may lie: in its sides, as a share, in degrees. The mesh of a masked head
is never quite that of the bare one."""

_CHILDREN_COUNT = 5.0
"""How much a child counts against somebody grown up, of whom there are many more."""


_MISTAKEN = 0.01
"""Share of people grown up who may pass for children: they get no stand-in, the generator paints alone."""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What came of it.

    Attributes:
        impressions: the readings.
        right: for each reading, which share of the held-out photos it reads right; NaN where there are none.
    """

    impressions: Impressions
    right: dict[str, float]


def read_labels(path: Path) -> dict[str, Label]:
    """Labels of photos.

    Args:
        path: a text file of lines ``KEY LABEL``, the key that of a photo in its shard.

    Raises:
        UnmaskError: the file cannot be read, or a line is none of these.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnmaskError(f"The labels {path} cannot be read.", path=path) from error
    labels: dict[str, Label] = {}
    for number, line in enumerate(lines, 1):
        key, _, word = line.strip().rpartition(" ")
        known: dict[str, Label] = {each: each for each in get_args(Label)}
        if key and word in known:
            labels[key] = known[word]
        elif line.strip():
            raise UnmaskError(f"Line {number} of {path} is not 'KEY {'|'.join(known)}'.", path=path)
    return labels


def learn_impressions(
    photos: Sequence[Photo],
    labels: dict[str, Label],
    seed: int,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Learnt:
    """Learn to read faces.

    Args:
        photos: those without a label, and those of sets that are held out, are not learnt from.
        labels: by the photos' keys.
        seed: of how the crops lie.
        progress: told how many of how many faces are described.

    Raises:
        UnmaskError: there are not both women and men, or not both children and others.
    """
    known = [photo for photo in photos if photo.key in labels]
    words = np.array([labels[photo.key] for photo in known])
    held = np.array([photo.set.startswith(HELD_OUT) for photo in known], bool)
    grown, learnt = words != "child", ~held
    if {"woman", "man"} - set(words[learnt]) or "child" not in words[learnt]:
        raise UnmaskError("Women, men and children must be among the labelled faces that are not held out.")
    upper, whole = _described(known, seed, progress)
    women = np.where(words == "woman", 1.0, -1.0)
    children = np.where(grown, -1.0, 1.0)
    counts = np.where(grown, 1.0, _CHILDREN_COUNT)
    adults = grown & learnt
    tried = grown & held
    child = fit_reading(upper[learnt], children[learnt], counts[learnt])
    impressions = Impressions(
        woman=fit_reading(upper[adults], women[adults]),
        whole=fit_reading(whole[adults], women[adults]),
        child=_sparing(child, upper[tried if tried.any() else adults]),
    )
    right = {
        "woman": _right(impressions.woman, upper[tried], women[tried]),
        "whole": _right(impressions.whole, whole[tried], women[tried]),
        "child": _right(impressions.child, upper[held], children[held]),
    }
    return Learnt(impressions, right)


def _sparing(reading: Reading, others: NDArray[np.float32]) -> Reading:
    """The reading moved so that 0 is passed by ``_MISTAKEN`` of those who are not what it reads."""
    return Reading(
        reading.weights, -float(np.quantile(others @ reading.weights, 1 - _MISTAKEN, method="higher"))
    )


def _right(reading: Reading, described: NDArray[np.float32], labels: NDArray[np.float64]) -> float:
    return float((np.sign(reading(described)) == labels).mean()) if len(labels) else float("nan")


def _described(
    photos: Sequence[Photo], seed: int, progress: Callable[[int, int], None]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Descriptions of upper halves and of whole faces, each lying a little differently, mirrored or not."""
    describer, rng = UpperFace(), np.random.default_rng(seed)
    upper, whole = [], []
    for number, photo in enumerate(photos):
        crop = _crop(photo, rng)
        upper.append(describer.describe(crop))
        whole.append(describer.describe_whole(crop))
        progress(number + 1, len(photos))
    return np.stack(upper), np.stack(whole)


def _crop(photo: Photo, rng: np.random.Generator) -> NDArray[np.uint8]:
    """(S, S, 3) the face as the product would cut it out, but for what a mask does to its mesh."""
    matrix = align(photo.points, SIDE).matrix
    angle, zoom = rng.normal(0, _TURN), np.exp(rng.normal(0, _ZOOM))
    middle = (SIDE - 1) / 2
    moved = np.asarray(cv2.getRotationMatrix2D((middle, middle), angle, zoom), np.float64)
    moved[:, 2] += rng.normal(0, _SHIFT * SIDE, 2)
    if rng.random() < 0.5:
        moved = np.array([[-1.0, 0, SIDE - 1], [0, 1, 0]]) @ np.vstack([moved, (0, 0, 1)])
    lying = moved @ np.vstack([matrix, (0, 0, 1)])
    cropped = cv2.warpAffine(
        photo.picture(), lying, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cropped, np.uint8)
