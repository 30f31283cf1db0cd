"""Which stand-in a masked head wears: the one that fits what is visible, and errs in nothing glaring.

What counts, over several frames: that the face is like one that goes with such an upper half, as those of
other people teach; skin, turn, and that it is calm, clear and evenly lit. The bank's nearest faces say how
dark a beard and how red the lips may be expected, and who is far off that is passed over. Nobody is
recognised, and what was seen is dropped once the choice is made.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.laying import (
    BRIDGE,
    CHIN,
    CHIN_GAP,
    MaskEdge,
    Points,
    eye_distance,
    head_angles,
    values_at,
    visible_weights,
)
from stream_unmask.inpainting.stand_ins.bank import Bank
from stream_unmask.inpainting.stand_ins.describing import UpperFace
from stream_unmask.inpainting.stand_ins.impressions import SURE, Impressions, years
from stream_unmask.inpainting.stand_ins.measuring import (
    BELOW_BROWS,
    FOREHEAD,
    FOREHEAD_AND_BRIDGE,
    UPPER_SKIN,
    Patches,
)

_BARE = 0.05
"""Soft mask below which a place shows skin."""

_FRINGE, _FEW = 18.0, 4
"""By how much the forehead is darker (L) than the face below the brows where it lies under a fringe or a cap,
and how many points below the brows must be bare to tell."""

_LOOK = 0.15
"""Square of the distance between a face and the expected one that counts as one."""

_DARKER, _LIGHTER, _CHROMA = 5.0, 12.0, 8.0
"""Lab distances of skin that count as one: a darker stand-in must be lightened, which shows."""

_FAR_LIGHTER, _FAR = 20.0, 6.0
"""From which on a lighter skin is another one, not another light, and how much further counts as one more."""

_SKIN_WEIGHT, _MOST_SKIN = 0.6, 8.0

_RED, _YELLOW = (10.0, 22.0), (13.0, 27.0)
"""The a and b that skin has in white light. What is seen beyond is the light's colour, which the generator
gives a stand-in; one that stood in such a light itself would be tinted twice."""

_ROUGHER, _SMOOTHER, _MOST_SMOOTHER = 0.45, 1.5, 0.8
"""Distances of texture that count as one: wrinkles on the young are worse than none on the old."""

_ROUGHEST = 1.3
"""Texture beyond which nobody is taken for older: hair across the forehead, grain and hard light pass for
wrinkles. Of the bank a third is rougher."""

_NEIGHBOURS = 12

_USUAL = {"beard": (13.0, 5.0, -1), "stubble": (0.6, 0.4, -1), "lips": (10.0, 3.0, 1)}
"""What is never too much, how much more than the nearest faces have counts as one, and on whom more is no
error: those who strike one as women (1) or men (-1). A shaven chin is no error on anyone, a beard may be a
glaring one, and so may painted lips."""

_SURE, _CONTRARY = 0.5, 0.25
"""How far a stand-in may be from how the upper half strikes, as a woman's (1) or a man's (-1), and how much
more counts as one. Of 710 masked upper halves of people who were not learnt from, 95 of 100 are read right;
of the 86 that are read more surely than 0.3, 99."""

_OLDER, _YOUNGER = 8.0, 12.0
"""Years that a stand-in may strike one as older or younger than the upper half, and how many more count as
one. The young with an old mouth are worse than the other way round. Upper halves of people who were not
learnt from are read 8 years off, in the root mean square."""

_WORST = 16.0
"""Score beyond which a stand-in is worse than none: two in a hundred of the masked heads in 400 photos have
no better one. It was found by eye when looks were still compared by cosine, and not looked at anew."""

_CHILD, _SURELY_CHILD = 0.34, 0.65
"""How much a head may strike as a child's, upper half and proportions together, and the upper half alone. Of
about 18 children among the 489 masked faces of 400 photos twelve are told so, of the grown-up ones six."""

_LONG, _SHORTNESS = 1.8, 2.5
"""Usual way from nose bridge to chin, in eye distances, and what it counts for if it is one shorter. Nearly
all adults have 1.7 to 2, small children 1.5 to 1.75. But a mask pulled up shortens a grown-up's, too."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What one frame shows of a masked head.

    Attributes:
        look: (D,) description of the upper half.
        skin: (3,) L, a, b of visible skin.
        texture: of visible skin; see :class:`~stream_unmask.inpainting.stand_ins.measuring.Looks`.
        yaw: degrees.
        pitch: degrees; masks pull it, so that it counts for little.
        length: from nose bridge to chin in eye distances, the longer one of mesh and mask; None where the
            mask's lower edge is not seen, without which the mesh tells little.
    """

    look: NDArray[np.float32]
    skin: NDArray[np.float64]
    texture: float
    yaw: float
    pitch: float
    length: float | None


def observe(
    describer: UpperFace,
    crop: NDArray[np.float32],
    points: Points,
    mask: NDArray[np.float32],
    edge: MaskEdge | None,
) -> Observation:
    """Take down what a frame shows.

    Args:
        describer: of upper faces.
        crop: (3, S, S) RGB in [-1, 1] of the masked head.
        points: (468, 3) its mesh in crop pixels.
        mask: (S, S) soft mask of the crop.
        edge: of the mask, None where it is not seen.
    """
    picture = np.clip(cv2.merge(tuple(crop)) * 127.5 + 127.5, 0, 255)
    patches = Patches(picture.astype(np.uint8), points)
    skin = visible_skin(patches, points, mask)
    rough = _of_skin(UPPER_SKIN, patches, points, mask)
    angles = head_angles(points, visible_weights(points, mask) + 1e-6)
    return Observation(
        look=describer.describe(without_mask(picture, mask, skin)),
        skin=skin,
        texture=patches.texture(rough, _bare(mask, points, rough)),
        yaw=angles.yaw,
        pitch=angles.pitch,
        length=_length(points, edge),
    )


def visible_skin(patches: Patches, points: Points, mask: NDArray[np.float32]) -> NDArray[np.float64]:
    """(3,) L, a, b of the skin that a mask (S, S) leaves visible."""
    numbers = _of_skin(FOREHEAD_AND_BRIDGE, patches, points, mask)
    return patches.skin(numbers, _bare(mask, points, numbers))


def _of_skin(
    numbers: tuple[int, ...], patches: Patches, points: Points, mask: NDArray[np.float32]
) -> tuple[int, ...]:
    """Those of some points that show skin: none on the forehead where a fringe or a cap darkens it."""
    below = np.array(BELOW_BROWS)[_bare(mask, points, BELOW_BROWS)]
    if len(below) < _FEW:
        return numbers
    forehead, face = (np.median(patches.lab(each)[:, 0]) for each in (FOREHEAD, tuple(below.tolist())))
    if forehead >= face - _FRINGE:
        return numbers
    return tuple(number for number in numbers if number not in FOREHEAD)


def _bare(mask: NDArray[np.float32], points: Points, numbers: tuple[int, ...]) -> NDArray[np.bool_]:
    """(n,) which points lie on no mask."""
    return np.asarray(values_at(mask, points[list(numbers)]) < _BARE)


def _length(points: Points, edge: MaskEdge | None) -> float | None:
    if edge is None or edge.cut:
        return None
    by_mesh = float(np.linalg.norm(points[BRIDGE] - points[CHIN])) / eye_distance(points)
    return max(by_mesh, edge.below - CHIN_GAP)


def without_mask(
    picture: NDArray[np.float32], mask: NDArray[np.float32], skin: NDArray[np.float64]
) -> NDArray[np.uint8]:
    """The picture (S, S, 3) with plain skin for the mask, whose rim beside the nose is no look of a face."""
    colour = cv2.cvtColor(skin.astype(np.float32)[None, None], cv2.COLOR_LAB2RGB) * 255
    share = np.clip(mask * 2, 0, 1)[:, :, None]
    return np.asarray(np.clip(picture * (1 - share) + colour * share + 0.5, 0, 255), np.uint8)


def may_be_a_child(seen: Sequence[Observation], impressions: Impressions) -> bool:
    """Whether a head has a child's proportions or upper half: an adult's face must not be put on it."""
    lengths = [each.length for each in seen if each.length is not None]
    strikes = float(np.median([impressions.child(each.look) for each in seen]))
    short = _LONG - float(np.median(lengths)) if lengths else 0.0
    return strikes > _SURELY_CHILD or strikes + _SHORTNESS * short > _CHILD


def choose(seen: Sequence[Observation], bank: Bank, taken: Collection[int] = ()) -> int | None:
    """Choose a stand-in for one head.

    Args:
        seen: at least one frame of it, and the more the better.
        bank: to choose from.
        taken: stand-ins that others of the same video wear; none of their faces is chosen, mirrored or not.

    Returns:
        The index in the bank, always the same for the same frames; None where none fits that is not taken,
        or the head may be a child's.
    """
    if may_be_a_child(seen, bank.impressions):
        return None
    faces = {bank.face_of(index) for index in taken}
    fits = scores(seen, bank)
    for index in np.argsort(fits, kind="stable").tolist():
        if bank.face_of(index) not in faces:
            return int(index) if fits[index] <= _WORST else None
    return None


def rank(seen: Sequence[Observation], bank: Bank) -> NDArray[np.intp]:
    """All stand-ins, mirrored ones too, the best first; of equals the one that comes first in the bank."""
    return np.argsort(scores(seen, bank), kind="stable")


def scores(seen: Sequence[Observation], bank: Bank) -> NDArray[np.float64]:
    """(2 count,) how badly each stand-in fits: 0 would be perfect."""
    apart = np.median([_look_apart(each, bank) for each in seen], axis=0)
    skin = np.median([each.skin for each in seen], axis=0)
    yaw = float(np.median([each.yaw for each in seen]))
    pitch = float(np.median([each.pitch for each in seen]))
    texture = float(np.median([each.texture for each in seen]))
    total = apart + _SKIN_WEIGHT * _skin_apart(skin, bank) + _turn_apart(yaw, pitch, bank)
    woman = float(np.median([bank.impressions.woman(each.look) for each in seen]))
    total += _texture_apart(texture, bank) + _unlikely(apart, woman, bank) + _blemishes(yaw, bank)
    old = float(np.median([years(bank.impressions.age(each.look)) for each in seen]))
    total += _contrary(woman, bank) + _aged(old, bank)
    return np.asarray(total, np.float64)


def _look_apart(seen: Observation, bank: Bank) -> NDArray[np.float64]:
    off = bank.looks - bank.impressions.expected(seen.look)
    return np.asarray((off**2).sum(axis=1) / _LOOK, np.float64)


def _skin_apart(skin: NDArray[np.float64], bank: Bank) -> NDArray[np.float64]:
    lightness = bank.trait("skin_l") - skin[0]
    light = np.where(lightness < 0, -lightness / _DARKER, lightness / _LIGHTER)
    light += np.maximum(lightness - _FAR_LIGHTER, 0) / _FAR
    red, yellow = np.clip(skin[1], *_RED), np.clip(skin[2], *_YELLOW)
    chroma = np.hypot(bank.trait("skin_a") - red, bank.trait("skin_b") - yellow) / _CHROMA
    return np.asarray(np.minimum(light, _MOST_SKIN) + np.minimum(chroma, _MOST_SKIN / 4))


def _turn_apart(yaw: float, pitch: float, bank: Bank) -> NDArray[np.float64]:
    aside, below = np.abs(bank.trait("yaw") - yaw), np.abs(bank.trait("pitch") - pitch)
    near = 0.05 * aside + 0.01 * below
    return np.asarray(near + 0.08 * np.maximum(aside - 15, 0) + 0.02 * np.maximum(below - 15, 0))


def _texture_apart(texture: float, bank: Bank) -> NDArray[np.float64]:
    rougher = bank.trait("texture") - min(texture, _ROUGHEST)
    return np.where(rougher > 0, rougher / _ROUGHER, np.minimum(-rougher / _SMOOTHER, _MOST_SMOOTHER))


def _unlikely(apart: NDArray[np.float64], woman: float, bank: Bank) -> NDArray[np.float64]:
    """How much more beard and redder lips than the faces with the nearest upper halves.

    What those have is expected only as far as the head surely strikes one as a man's, or a woman's.
    """
    near = np.argsort(apart, kind="stable")[:_NEIGHBOURS]
    total = np.zeros(len(apart))
    for name, (usual, unit, of) in _USUAL.items():
        values = bank.trait(name)
        more = max(float(np.median(values[near])) - usual, 0.0) * min(max(of * woman / SURE, 0.0), 1.0)
        total += np.maximum(values - usual - more, 0) / unit
    return total


def _contrary(woman: float, bank: Bank) -> NDArray[np.float64]:
    """How much a woman's face would contradict the upper half of a man, or the other way round."""
    return np.asarray(np.maximum(np.abs(bank.trait("woman") - woman) - _SURE, 0) / _CONTRARY)


def _aged(old: float, bank: Bank) -> NDArray[np.float64]:
    """How much older or younger than the upper half the faces are."""
    older = bank.trait("years") - old
    return np.asarray(
        np.maximum(older - _OLDER, 0) / _OLDER + np.maximum(-older - _YOUNGER, 0) / _YOUNGER, np.float64
    )


def _blemishes(yaw: float, bank: Bank) -> NDArray[np.float64]:
    """What spoils a stand-in whoever wears it: an open or smiling mouth, hair on a cheek, uneven light."""
    mouth = np.maximum(bank.trait("openness") - 0.05, 0) / 0.05 * 0.5
    mouth += np.maximum(bank.trait("smile") - 0.88, 0) / 0.12 * 0.6
    left, right = bank.trait("clear_left"), bank.trait("clear_right")
    # Of a turned head the near cheek is seen.
    cheek = np.where(yaw > 12, left, np.where(yaw < -12, right, np.minimum(left, right)))
    light = np.maximum(bank.trait("uneven") - 8, 0) * 0.15 + np.maximum(bank.trait("shine") - 12, 0) * 0.04
    return np.asarray(mouth + 2 * (1 - cheek) + light)
