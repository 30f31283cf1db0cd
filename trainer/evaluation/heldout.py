"""The frozen test: held-out faces with masks on, the same in every evaluation, and their groups."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import CROP_SIDE
from stream_unmask.faces.laying import Points
from stream_unmask.synth.masks import wear
from stream_unmask.synth.pairs import aligned
from stream_unmask.tars import members
from trainer.data import Photo, shards_of

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

SEED = 2026
SIZE = 256

_SAME_PICTURE = ("103099", "103006")
_SAME_RIDE = ("102886", "102910", "102971", "103069")
_IN_OTHERS_FOLDERS = (
    *("102865", "102880", "102908", "102940", "102942", "102943", "102944", "102951", "102955", "102972"),
    *("102974", "102978", "102983", "102984", "102998", "103032", "103051", "103052", "103061"),
)
_TRAINED_ON = {
    "val_diverse": frozenset((*_SAME_PICTURE, *_SAME_RIDE, *_IN_OTHERS_FOLDERS)),
    "val_extra_nc": frozenset(("008761", "008807")),
}
"""Photos, by set and key, that the training of the bundled weights did not see, but whose people it did.

They were found by the distance of faces, then by eye: training has the same picture, or one of the same day,
under another number; a frame of the same ride; the person in others' folders; a neighbouring number."""

_SKIN_POINTS = (151, 9, 50, 280, 118, 347)
"""Mesh points on the forehead and both cheeks."""

_SKIN_ANGLES = ((55, "very light"), (41, "light"), (28, "intermediate"), (10, "tan"), (-30, "brown"))


@dataclass(frozen=True, slots=True)
class HeldOut:
    """One face of the test.

    Attributes:
        crop: (S, S, 3) uint8 RGB, with the mask on.
        mask: (S, S) uint8, 255 where the mask is.
        truth: (S, S, 3) uint8 RGB, the face beneath.
        points: (468, 2) its mesh in the crop's pixels.
        groups: kind of group to the group that this face is of.
    """

    crop: Bytes
    mask: Bytes
    truth: Bytes
    points: Points
    groups: dict[str, str]

    @property
    def inside(self) -> NDArray[np.bool_]:
        """(S, S) where the mask is."""
        return self.mask > 127


def held_out(photos: Sequence[Photo], sides: dict[str, float] | None = None) -> Iterator[HeldOut]:
    """Every photo once, aligned without chance, its mask drawn from a fixed seed.

    Photos of people who turned out to be in a training set of the bundled weights are left out.

    Args:
        photos: in the order of their shards: the order decides on the masks.
        sides: see :func:`native_sides`; without it the sizes of the faces are unknown.
    """
    for number, photo in enumerate(photos):
        if photo.key in _TRAINED_ON.get(photo.set, ()):
            continue  # the others keep their numbers, and so their masks
        rng = np.random.default_rng((SEED, number))
        truth, points, yaw = aligned(photo.picture(), photo.points, SIZE, None)
        worn = wear(truth, points, yaw, SIZE / CROP_SIDE, rng)
        groups = {"skin": skin_tone(truth, points), "yaw": _turn(yaw), "mask": f"{worn.kind}, {worn.worn}"}
        if sides is not None:
            groups["size"] = _size(sides.get(photo.key))
        yield HeldOut(worn.picture, worn.mask, truth, points.astype(np.float64), groups)


def native_sides(folder: Path, name: str) -> dict[str, float]:
    """Side of each photo's crop in the pixels of its source, by key, as far as the shards of a set say it."""
    sides = {}
    for path in shards_of(folder, name):
        for member, data in members(path):
            side = json.loads(data).get("native_side") if member.endswith(".json") else None
            if side is not None:
                sides[member.removesuffix(".json")] = float(side)
    return sides


def skin_tone(face: Bytes, points: FloatArray) -> str:
    """How light the skin looks in this photo: its individual typology angle, in six classes.

    Chardon et al., "Skin colour typology and suntanning pathways", 1991. It is a property of the picture,
    its light included, and no statement about the person.

    Args:
        face: (S, S, 3) uint8 RGB without a mask.
        points: (468, 2) mesh points in its pixels.
    """
    reach = max(2, face.shape[0] // 64)
    patches = []
    for x, y in np.round(points[list(_SKIN_POINTS)]).astype(int):
        patch = face[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1]
        if patch.size:
            patches.append(np.median(patch.reshape(-1, 3), axis=0))
    colour = np.median(np.array(patches), axis=0).astype(np.float32)[None, None] / 255
    light, _, yellow = cv2.cvtColor(colour, cv2.COLOR_RGB2LAB)[0, 0]
    angle = np.degrees(np.arctan2(light - 50, max(yellow, 1e-3)))
    return next((name for least, name in _SKIN_ANGLES if angle > least), "dark")


def _turn(yaw: float) -> str:
    return next(
        (name for most, name in ((8, "0-8°"), (16, "8-16°"), (25, "16-25°")) if abs(yaw) < most), "25°-"
    )


def _size(side: float | None) -> str:
    if side is None:
        return "unknown"
    return next(
        (name for most, name in ((256, "below 256 px"), (512, "256-512 px")) if side < most), "512 px-"
    )
