"""Learning what stand-ins are chosen by: how faces strike one, and what face goes with an upper half.

Faces strike one as a woman's or a man's, as a child's, and as so many years old.

Upper halves are those of faces that a mask is drawn on, filled in as the product does it: a mask that is
pulled up hides what the bare half would have shown. What is read as a woman's or a man's is the mean of what
is learnt from them and from bare ones: drawn masks are not real ones, and the mean is right more often than
either.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError
from stream_unmask.faces.alignment import align
from stream_unmask.inpainting.stand_ins.choosing import visible_skin, without_mask
from stream_unmask.inpainting.stand_ins.describing import SIDE, UpperFace
from stream_unmask.inpainting.stand_ins.impressions import (
    Impressions,
    Kind,
    Reading,
    fit_likenesses,
    fit_reading,
    from_years,
    years,
)
from stream_unmask.inpainting.stand_ins.measuring import Patches
from stream_unmask.synth import draw_mask
from stream_unmask.synth.photometric import apply_tone, damage, draw_tone
from trainer.data import HELD_OUT, Photo

_SHIFT, _ZOOM, _TURN = 0.02, 0.05, 3.0
"""Spreads of how differently a crop may lie: in its sides, as a share, in degrees. The mesh of a masked head
is never quite that of the bare one."""

_LINE = re.compile(rf"(?P<key>.+) (?P<kind>{'|'.join(get_args(Kind))})(?: (?P<years>\d+(?:\.\d+)?))?")

_CHILDREN_COUNT = 5.0
"""How much a child counts against somebody grown up, of whom there are many more."""


_MISTAKEN = 0.01
"""Share of people grown up who may pass for children: they get no stand-in, the generator paints alone."""


@dataclass(frozen=True, slots=True)
class Label:
    """What is known of a photo's face.

    Attributes:
        kind: what it strikes one as.
        years: how old; None where that is not known.
    """

    kind: Kind
    years: float | None = None


@dataclass(frozen=True, slots=True)
class Learnt:
    """What came of it.

    Attributes:
        impressions: the readings.
        right: for each reading of kinds, which share of the held-out photos it reads right; NaN where there
            are none.
        off: for each reading of ages, by how many years it is off on these, in the root mean square.
        expected: how much of what tells the features of these apart is read off the upper halves, 0..1.
    """

    impressions: Impressions
    right: dict[str, float]
    off: dict[str, float]
    expected: float


class _Described(NamedTuple):
    """Descriptions of n faces, (n, D) each.

    Attributes:
        bare: of the upper half without a mask.
        upper: of the upper half with one.
        seen: the same in other light and through a worse camera.
        whole: of the whole face without.
        features: of what tells it apart; see :meth:`UpperFace.describe_features`.
    """

    bare: NDArray[np.float32]
    upper: NDArray[np.float32]
    seen: NDArray[np.float32]
    whole: NDArray[np.float32]
    features: NDArray[np.float32]


def read_labels(path: Path) -> dict[str, Label]:
    """Labels of photos.

    Args:
        path: a text file of lines ``KEY KIND`` or ``KEY KIND YEARS``, the key ``SET/NAME`` of a photo in a
            set, or its name alone.

    Raises:
        UnmaskError: the file cannot be read, or a line is none of these.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise UnmaskError(f"The labels {path} cannot be read.", path=path) from error
    labels: dict[str, Label] = {}
    for number, line in enumerate(lines, 1):
        found = _LINE.fullmatch(line.strip())
        if found is not None:
            kinds: dict[str, Kind] = {each: each for each in get_args(Kind)}
            old = found["years"]
            labels[found["key"]] = Label(kinds[found["kind"]], None if old is None else float(old))
        elif line.strip():
            kinds_said = "|".join(get_args(Kind))
            raise UnmaskError(f"Line {number} of {path} is not 'KEY {kinds_said} [YEARS]'.", path=path)
    return labels


def _label_of(photo: Photo, labels: dict[str, Label]) -> Label | None:
    return labels.get(f"{photo.set}/{photo.key}") or labels.get(photo.key)


def learn_impressions(
    photos: Sequence[Photo],
    labels: dict[str, Label],
    seed: int,
    progress: Callable[[int, int], None] = lambda _done, _of: None,
) -> Learnt:
    """Learn to read faces.

    Args:
        photos: those without a label, and those of sets that are held out, are not learnt from.
        labels: by the photos' keys; see :func:`read_labels`.
        seed: of the masks, and of how the crops lie.
        progress: told how many of how many faces are described.

    Raises:
        UnmaskError: there are not both women and men, or not both children and others, or no ages.
    """
    pairs = [(photo, label) for photo in photos if (label := _label_of(photo, labels)) is not None]
    kinds = np.array([label.kind for _, label in pairs])
    ages = np.array([np.nan if label.years is None else label.years for _, label in pairs])
    held = np.array([photo.set.startswith(HELD_OUT) for photo, _ in pairs], bool)
    grown, learnt, dated = kinds != "child", ~held, ~np.isnan(ages)
    if {"woman", "man"} - set(kinds[learnt]) or "child" not in kinds[learnt] or not (learnt & dated).any():
        raise UnmaskError(
            "Women, men and children, and some whose age is given, must be among the labelled faces that are "
            "not held out."
        )
    faces = _described([photo for photo, _ in pairs], seed, progress)
    bare, upper, whole = faces.bare, faces.upper, faces.whole
    women = np.where(kinds == "woman", 1.0, -1.0)
    children = np.where(grown, -1.0, 1.0)
    counts = np.where(grown, 1.0, _CHILDREN_COUNT)
    adults, aged = grown & learnt, learnt & dated
    tried = grown & held
    child = fit_reading(upper[learnt], children[learnt], counts[learnt])
    expected, features = fit_likenesses(faces.seen[learnt], faces.features[learnt])
    impressions = Impressions(
        woman=_mean(*(fit_reading(each[adults], women[adults]) for each in (upper, bare))),
        whole=fit_reading(whole[adults], women[adults]),
        child=_sparing(child, upper[tried if tried.any() else adults]),
        age=fit_reading(upper[aged], from_years(ages[aged])),
        whole_age=fit_reading(whole[aged], from_years(ages[aged])),
        expected=expected,
        features=features,
    )
    right = {
        "woman": _right(impressions.woman, upper[tried], women[tried]),
        "whole": _right(impressions.whole, whole[tried], women[tried]),
        "child": _right(impressions.child, upper[held], children[held]),
    }
    known = held & dated
    off = {
        "age": _off(impressions.age, upper[known], ages[known]),
        "whole age": _off(impressions.whole_age, whole[known], ages[known]),
    }
    known_of = _share(expected(upper[held]), features(faces.features[held]))
    return Learnt(impressions, right, off, known_of)


def _mean(first: Reading, second: Reading) -> Reading:
    weights = np.asarray(0.5 * (first.weights + second.weights), np.float32)
    return Reading(weights, 0.5 * (first.offset + second.offset))


def _sparing(reading: Reading, others: NDArray[np.float32]) -> Reading:
    """The reading moved so that 0 is passed by ``_MISTAKEN`` of those who are not what it reads."""
    return Reading(
        reading.weights, -float(np.quantile(others @ reading.weights, 1 - _MISTAKEN, method="higher"))
    )


def _right(reading: Reading, described: NDArray[np.float32], labels: NDArray[np.float64]) -> float:
    return float((np.sign(reading(described)) == labels).mean()) if len(labels) else float("nan")


def _off(reading: Reading, described: NDArray[np.float32], ages: NDArray[np.float64]) -> float:
    return float(np.sqrt(((years(reading(described)) - ages) ** 2).mean())) if len(ages) else float("nan")


def _share(read: NDArray[np.float32], true: NDArray[np.float32]) -> float:
    """The share of the true numbers' spread (n, K) that is read; NaN where there are none."""
    apart = true - true.mean(axis=0) if len(true) else true
    spread = float((apart**2).sum())
    return 1 - float(((read - true) ** 2).sum()) / spread if spread else float("nan")


def _described(photos: Sequence[Photo], seed: int, progress: Callable[[int, int], None]) -> _Described:
    """Describe faces, each lying a little differently."""
    describer, rng, camera = UpperFace(), np.random.default_rng(seed), np.random.default_rng(seed + 1)
    rows = []
    for number, photo in enumerate(photos):
        picture, lying = photo.picture(), _lying(photo, rng)
        masked, mask = draw_mask(picture, photo.points, rng)
        bare, hidden, soft = (_cut(each, lying) for each in (picture, masked, mask))
        points = np.pad(photo.points @ lying[:, :2].T + lying[:, 2], ((0, 0), (0, 1)))
        worn = soft.astype(np.float32) * np.float32(1 / 255)
        (hurt,) = damage([apply_tone(hidden, draw_tone(camera))], camera)
        upper, seen = (describer.describe(_unmasked(each, points, worn)) for each in (hidden, hurt))
        whole, features = describer.describe_whole(bare), describer.describe_features(bare)
        rows.append((describer.describe(bare), upper, seen, whole, features))
        progress(number + 1, len(photos))
    return _Described(*(np.stack(column) for column in zip(*rows, strict=True)))


def _unmasked(
    picture: NDArray[np.uint8], points: NDArray[np.float64], mask: NDArray[np.float32]
) -> NDArray[np.uint8]:
    """A masked face as the choice sees it."""
    skin = visible_skin(Patches(picture, points), points, mask)
    return without_mask(picture.astype(np.float32), mask, skin)


def _lying(photo: Photo, rng: np.random.Generator) -> NDArray[np.float64]:
    """(2, 3) how a face may lie in a crop of the product's, but for what a mask does to its mesh."""
    matrix = align(photo.points, SIDE).matrix
    angle, zoom = rng.normal(0, _TURN), np.exp(rng.normal(0, _ZOOM))
    middle = (SIDE - 1) / 2
    moved = np.asarray(cv2.getRotationMatrix2D((middle, middle), angle, zoom), np.float64)
    moved[:, 2] += rng.normal(0, _SHIFT * SIDE, 2)
    if rng.random() < 0.5:
        moved = np.array([[-1.0, 0, SIDE - 1], [0, 1, 0]]) @ np.vstack([moved, (0, 0, 1)])
    return np.asarray(moved @ np.vstack([matrix, (0, 0, 1)]))


def _cut(picture: NDArray[np.uint8], lying: NDArray[np.float64]) -> NDArray[np.uint8]:
    cut = cv2.warpAffine(
        picture, lying, (SIDE, SIDE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cut, np.uint8)
