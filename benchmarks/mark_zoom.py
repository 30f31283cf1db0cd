"""The mark, enlarged: inpainted pixels without it, with it, and how they differ, strong enough to see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.picture import PEOPLE, RATE, Person, find_portraits, head_of, moving
from engines.whole import replacing
from stream_unmask.api import Unmasker
from stream_unmask.errors import InputError
from stream_unmask.output.pictures import write_image
from stream_unmask.pipeline import Stream
from stream_unmask.video.frame import Frame

Pixels = NDArray[np.uint8]

ZOOM = 4
"""Pixels of the picture for each one of the frame."""

STRENGTH = 16
"""How many times as large the difference is drawn, around a middle grey."""

_SIDE = 88
"""Pixels of the frame that are shown, around the middle of what was inpainted."""

_SECONDS = 3.0
"""Of a video, whose mark begins anew every two seconds."""

_SETTLED = 1.0
"""Seconds after which a face has faded in."""

_GAP = 8


@dataclass(frozen=True, slots=True)
class Pair:
    """One frame, unmasked twice.

    Attributes:
        bare: (H, W, 3) RGB without a mark.
        marked: (H, W, 3) with one.
        middle: x and y of the middle of what was inpainted.
    """

    bare: Pixels
    marked: Pixels
    middle: tuple[int, int]

    @property
    def energy(self) -> float:
        """Mean square of what the mark changes."""
        return float(((self.marked.astype(np.float32) - self.bare) ** 2).mean())


def draw(source: Path, output: Path, *, people: Sequence[Person] = PEOPLE) -> str:
    """Make the picture: a row for each video, at the moment of the strongest mark, and one for a photo.

    Args:
        source: folder or tar of portraits.
        output: the picture to write; replaced if it is there.
        people: who is shown, from the top down, and the first of them in the photo.

    Returns:
        How strong the mark is in the rows, as a sentence.

    Raises:
        UnmaskError: the source cannot be read, or a portrait is missing, cannot be turned or is not unmasked.
    """
    unmasker = Unmasker()
    portraits = find_portraits(source, people)
    frames = round(_SECONDS * RATE)
    heads = [
        list(islice(moving(head_of(portrait), person), frames))
        for portrait, person in zip(portraits, people, strict=True)
    ]
    pairs = [_strongest(unmasker, head, still=False) for head in heads]
    pairs.append(_strongest(unmasker, heads[0][:1], still=True))
    rows = [_row(pair) for pair in pairs]
    with replacing(output) as part:
        write_image(part, np.vstack([rows[0], *(_framed(row) for row in rows[1:])]))
    decibels = ", ".join(f"{_psnr(pair):.1f}" for pair in pairs)
    return f"{output}: PSNR of what is shown {decibels} dB"


def _strongest(unmasker: Unmasker, pictures: Sequence[Pixels], *, still: bool) -> Pair:
    """The frame of a stream in which the mark changes most."""
    pairs = [
        pair
        for number, pair in enumerate(_pairs(unmasker, pictures, still=still))
        if pair is not None and (still or number >= _SETTLED * RATE)
    ]
    if not pairs:
        raise InputError("In one of the heads no mask was found.")
    return max(pairs, key=lambda pair: pair.energy)


def _pairs(unmasker: Unmasker, pictures: Sequence[Pixels], *, still: bool) -> Iterator[Pair | None]:
    """Each frame of a stream, with and without a mark; None where nothing was inpainted."""
    marked = Stream(unmasker.networks, unmasker.settings, still=still)
    bare = Stream(unmasker.networks, replace(unmasker.settings, mark=False), still=still)
    for number, picture in enumerate(pictures):
        both = [Frame.from_ndarray(picture.copy(), number / RATE) for _ in range(2)]
        faces = bare.process(both[0])
        marked.process(both[1])
        if not faces:
            yield None
            continue
        places = np.argwhere(faces[0].alpha > 0.5)[:, ::-1].mean(0)
        middle = cv2.invertAffineTransform(faces[0].alignment.matrix) @ np.append(places, 1)
        x, y = (round(float(value)) for value in middle)
        yield Pair(both[0].to_ndarray(), both[1].to_ndarray(), (x, y))


def _cut(picture: Pixels, middle: tuple[int, int]) -> Pixels:
    height, width = picture.shape[:2]
    left, top = (
        int(np.clip(at - _SIDE // 2, 0, side - _SIDE))
        for at, side in zip(middle, (width, height), strict=True)
    )
    return picture[top : top + _SIDE, left : left + _SIDE]


def _row(pair: Pair) -> Pixels:
    """A pair without a mark, with it, and the difference, beside each other, enlarged without smoothing."""
    bare, marked = (_cut(each, pair.middle) for each in (pair.bare, pair.marked))
    difference = 128 + STRENGTH * (marked.astype(np.int32) - bare)
    cuts = (bare, marked, np.clip(difference, 0, 255).astype(np.uint8))
    large = [np.repeat(np.repeat(cut, ZOOM, 0), ZOOM, 1) for cut in cuts]
    gap = np.full((len(large[0]), _GAP, 3), 255, np.uint8)
    return np.hstack([large[0], gap, large[1], gap, large[2]])


def _framed(row: Pixels) -> Pixels:
    return np.vstack([np.full((_GAP, row.shape[1], 3), 255, np.uint8), row])


def _psnr(pair: Pair) -> float:
    bare, marked = (_cut(each, pair.middle).astype(np.float32) for each in (pair.bare, pair.marked))
    return float(10 * np.log10(255**2 / max(float(((marked - bare) ** 2).mean()), 1e-9)))
