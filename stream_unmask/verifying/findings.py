"""What was found in a file, for people and for programs."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from dataclasses import dataclass

MOST_FALSE_ALARMS = 1e-6
"""Bound of the probability that anything in a file without a mark is taken for one."""


@dataclass(frozen=True, slots=True)
class Credential:
    """A content credential (C2PA) that names this program.

    Attributes:
        signer: whom its certificate belongs to; empty where that does not say.
        state: what the standard's library says of it: ``Trusted``, ``Valid`` (whole, but from a signer whom
            nobody vouches for here) or ``Invalid`` (changed since it was signed).
        says: what was done.
        names_the_mark: it says that there is a mark in the pixels.
    """

    signer: str
    state: str
    says: str
    names_the_mark: bool


@dataclass(frozen=True, slots=True)
class MarkedFace:
    """A face with a mark in its pixels.

    Attributes:
        number: of the face, in the order of appearance, from 1.
        seconds: from when to when it was read, stretch by stretch; (0, 0) of a picture.
        box: x0, y0, x1, y1 around the face where it was read first, in pixels.
        worn: a face mask was put on; else one was taken off.
        version: of the mark.
        log10_chance: decimal logarithm of a bound of the probability to read anything as surely anywhere in
            this file, if it had no mark.
    """

    number: int
    seconds: tuple[tuple[float, float], ...]
    box: tuple[int, int, int, int]
    worn: bool
    version: int
    log10_chance: float

    def __str__(self) -> str:
        done = "a face mask was put on" if self.worn else "a face mask was taken off"
        x0, y0, x1, y1 = self.box
        where = f"at ({(x0 + x1) // 2}, {(y0 + y1) // 2})"
        when = ", ".join(f"{first:.1f} to {last:.1f} s" for first, last in self.seconds if last > 0)
        once = math.floor(-self.log10_chance)
        return (
            f"face {self.number} {where}{', ' if when else ''}{when}: {done}; "
            f"without a mark this is read less than once in 10^{once} files"
        )


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found in a file.

    Attributes:
        file: its name.
        credential: None where there is none of this program.
        label: what its metadata say of this program; empty where that is nothing.
        marks: faces with a mark.
        faces: that were looked at.
        frames: that were looked at.
        notes: a sentence for each thing that could not be looked at.
    """

    file: str
    credential: Credential | None
    label: str
    marks: tuple[MarkedFace, ...]
    faces: int
    frames: int
    notes: tuple[str, ...] = ()

    @property
    def made_here(self) -> bool:
        """Whether anything says that this program made what the file shows."""
        return self.credential is not None or bool(self.label or self.marks)

    def as_dict(self) -> dict[str, object]:
        """As plain values, for JSON."""
        return {"made_here": self.made_here, **dataclasses.asdict(self)}

    def sentences(self) -> Iterator[str]:
        """What was found, in words."""
        if self.made_here:
            yield f"{self.file}: parts of it are synthetic, made by stream-unmask."
        else:
            yield f"{self.file}: nothing says that stream-unmask made any of it. That proves nothing."
        if self.credential is not None:
            yield f"Content credential: {_signed(self.credential)} It says: {self.credential.says}"
        if self.label:
            yield f"Label in its metadata, which anybody can write or remove: {self.label}"
        for face in self.marks:
            yield f"Mark in its pixels, {face}."
        if not self.marks:
            looked = f"{self.faces} face{'s' * (self.faces != 1)} in {self.frames} frame"
            yield f"Mark in its pixels: none was read ({looked}{'s' * (self.frames != 1)})."
        yield from self.notes


def _signed(credential: Credential) -> str:
    signer = credential.signer or "somebody"
    if credential.state == "Trusted":
        return f"signed by {signer}, who is trusted; nothing was changed since."
    if credential.state == "Valid":
        return f"signed by {signer}, for whom nobody vouches here; nothing was changed since."
    return f"of {signer}, but it does not fit the file, which was changed since."
