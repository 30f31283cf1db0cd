"""The bare faces of one person: few, sharp, and each turned another way."""

from __future__ import annotations

from collections.abc import Sequence

from stream_unmask.faces.laying import Angles, Points, head_angles
from stream_unmask.inpainting.references.reference import Reference, lips_apart

MOST = 12
"""References of one person: 7 MB of crops of 256 pixels with what is worked out of them."""

_YAW_BIN, _PITCH_BIN, _OPEN_BIN = 8.0, 10.0, 0.06
_MOST_OPEN = 3
"""Degrees, and eye distances between the lips, within which one reference is kept, and how many such steps of
an open mouth are told apart."""

_SHARPER = 1.05
"""How much sharper one must be to take another one's place."""

_YAW, _PITCH, _OPEN = 12.0, 18.0, 0.3
"""What counts as one step away when the nearest are looked for. Masks pull pitch, so that it counts less; a
calm mouth is better than an open one."""


class ReferenceBank:
    """References of one person."""

    def __init__(self, references: Sequence[Reference] = ()) -> None:
        self._kept: dict[tuple[int, int, int], Reference] = {kind(each.points): each for each in references}

    def __len__(self) -> int:
        return len(self._kept)

    def offer(self, reference: Reference) -> None:
        """Keep a reference where there is none of its kind, or one that is less sharp."""
        kept, its_kind = self._kept, kind(reference.points)
        old = kept.get(its_kind)
        if len(kept) < MOST if old is None else reference.sharpness > _SHARPER * old.sharpness:
            kept[its_kind] = reference

    def lacks(self, points: Points) -> bool:
        """Whether there is room, and nothing of the kind of a mesh (468, 3)."""
        return len(self._kept) < MOST and kind(points) not in self._kept

    def doubt_since(self, time: float) -> None:
        """Let go of what was seen from a time on, in seconds, where something is left then."""
        left = {key: each for key, each in self._kept.items() if each.time < time}
        self._kept = left or self._kept

    def nearest(self, angles: Angles, most: int) -> list[Reference]:
        """Those turned most like a head, with calm mouths, the nearest first."""

        def away(reference: Reference) -> float:
            yaw, pitch = reference.angles.yaw - angles.yaw, reference.angles.pitch - angles.pitch
            return (yaw / _YAW) ** 2 + (pitch / _PITCH) ** 2 + (reference.openness / _OPEN) ** 2

        return sorted(self._kept.values(), key=away)[:most]


def kind(points: Points) -> tuple[int, int, int]:
    """What of a face's looks a mesh (468, 3) tells: faces of one kind are turned alike, and their mouths."""
    angles = head_angles(points)
    yaw, pitch = round(angles.yaw / _YAW_BIN), round(angles.pitch / _PITCH_BIN)
    return yaw, pitch, min(int(lips_apart(points) / _OPEN_BIN), _MOST_OPEN)
