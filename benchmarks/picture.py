"""The README's moving picture: portraits of nobody in drawn masks, and what the program makes of them.

Each portrait is cut out around its head, given a mask of the synthesiser, and turned and nodded as a head
before a camera. The heads are written beside each other into a video, the video is unmasked like any other,
and input and output are drawn above each other. Nothing is retouched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.clips import find_mesh
from engines.whole import replacing
from stream_unmask.api import Unmasker
from stream_unmask.errors import InputError
from stream_unmask.faces.alignment import MESH_POINTS, fit_pose
from stream_unmask.inpainting.stand_ins.portraits import read_pictures
from stream_unmask.synth import MaskStyle, draw_mask
from stream_unmask.synth.turning import turn_by

Pixels = NDArray[np.uint8]

RATE = 25
"""Frames a second of the video."""

LOOP = 140
"""Frames after which the heads are back where they were."""

_LEAD = 25
"""Frames before the loop that is shown, in which faces are found and fade in."""

_EVERY = 2
"""Every so many frames of the video is one of the picture."""

_SIDE, _SHOWN = 480, 288
"""Pixels of a head in the video, and in the picture."""

_HEAD = 4.3
"""What a head's square holds, in eye distances."""

_BELOW = 0.0
"""How far the middle of a head's square lies below that of the networks' crop, in eye distances."""

_YAW, _PITCH = 10.0, 4.0
"""How far heads turn and nod, in degrees."""

_NOISE = 1.5
"""Standard deviation of the camera's noise in 8-bit steps."""


@dataclass(frozen=True, slots=True)
class Person:
    """Nobody, in a mask.

    Attributes:
        portrait: name of a picture, without its suffix.
        style: of the mask.
        seed: of the rest of the mask.
        phase: share of a loop by which this head is ahead of the first.
    """

    portrait: str
    style: MaskStyle
    seed: int
    phase: float


PEOPLE = (
    Person("female_88", MaskStyle(kind="surgical", worn="right", colour=(116, 172, 214)), 1, 0.25),
    Person("male_98", MaskStyle(kind="n95", worn="right", colour=(236, 236, 232)), 12, 0.4),
    Person("female_25", MaskStyle(kind="cloth", worn="right", colour=(38, 44, 60)), 1, 0.7),
)
"""Portraits that are not among the stand-ins, so that nobody is given his own face."""


def find_portraits(source: Path, people: Sequence[Person]) -> list[Pixels]:
    """The portraits of people, (H, W, 3) RGB each.

    Args:
        source: folder or tar of pictures.
        people: whose.

    Raises:
        UnmaskError: the source cannot be read, or one is not in it.
    """
    wanted = {person.portrait for person in people}
    found = {Path(name).stem: pixels for name, pixels in read_pictures(source) if Path(name).stem in wanted}
    if missing := sorted(wanted - found.keys()):
        raise InputError(f"There is no portrait {missing[0]} in {source}.", path=source)
    return [found[person.portrait] for person in people]


def head_of(portrait: Pixels) -> Pixels:
    """The square around the head of a portrait, (480, 480, 3) RGB."""
    pose = fit_pose(find_mesh(portrait))
    scale = _SIDE / (_HEAD * pose.scale)
    middle = np.array([pose.x, pose.y + _BELOW * pose.scale])
    matrix = np.column_stack([scale * np.eye(2), (_SIDE - 1) / 2 - scale * middle])
    flags = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    cut = cv2.warpAffine(portrait, matrix, (_SIDE, _SIDE), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(cut, np.uint8)


def moving(head: Pixels, person: Person) -> Iterator[Pixels]:
    """A head in its mask that turns and nods, one loop of (480, 480, 3) RGB pictures.

    Args:
        head: the square around it, bare.
        person: which mask, and how far the head has come.

    Raises:
        UnmaskError: the portrait does not bear the turn.
    """
    points = find_mesh(head)
    masked, _ = draw_mask(head, points, np.random.default_rng(person.seed), person.style)
    flat = points[:MESH_POINTS, :2].astype(np.float32)
    centre = ((_SIDE - 1) / 2, (_SIDE - 1) / 2)
    for number in range(LOOP):
        angle = 2 * np.pi * (number / LOOP + person.phase)
        # Both are 0 at once: a turn begins on the one side where it ended on the other.
        turn = turn_by(flat, _YAW * np.sin(angle), _PITCH * np.sin(2 * angle), _SIDE)
        if turn is None:
            raise InputError(f"The portrait {person.portrait} cannot be turned so far.")
        camera = cv2.getRotationMatrix2D(centre, 1.5 * np.sin(angle + 1), 1.06 + 0.02 * np.cos(angle))
        camera[:, 2] += 5 * np.cos(angle), 3 * np.sin(2 * angle)
        yield turn.crop(masked, np.asarray(camera, np.float64), _SIDE)


def write_video(path: Path, heads: Sequence[Sequence[Pixels]], frames: int = _LEAD + LOOP) -> Path:
    """Write heads beside each other into a video: the end of a loop, then a whole one.

    Args:
        path: the file to write.
        heads: for each head the pictures of a loop.
        frames: how many.
    """
    rng = np.random.default_rng(0)
    with av.open(path, "w") as container:
        stream = container.add_stream("libx264", RATE, options={"crf": "14"})
        stream.width, stream.height, stream.pix_fmt = _SIDE * len(heads), _SIDE, "yuv420p"
        for number in range(frames):
            row = np.hstack([head[(number - _LEAD) % LOOP] for head in heads])
            noise = rng.normal(0, _NOISE, (*row.shape[:2], 1))
            picture = np.clip(row + noise, 0, 255).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p", dst_colorspace=1)
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def stacked(before: Path, after: Path) -> Iterator[Pixels]:
    """What went in above what came out, of every second frame of the loop, (H, W, 3) RGB."""
    with av.open(before) as one, av.open(after) as other:
        both = zip(one.decode(video=0), other.decode(video=0), strict=True)
        for pair in islice(both, _LEAD, _LEAD + LOOP, _EVERY):
            rows = [np.asarray(frame.to_ndarray(format="rgb24"), np.uint8) for frame in pair]
            picture = np.vstack(rows)
            height, width = (side * _SHOWN // _SIDE for side in picture.shape[:2])
            yield np.asarray(cv2.resize(picture, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


def write_animation(path: Path, pictures: Iterator[Pixels], quality: int) -> None:
    """Write pictures into a WebP that plays for ever.

    Args:
        path: the file to write.
        pictures: (H, W, 3) RGB, of one size.
        quality: of WebP, 0..100.
    """
    options = {"quality": str(quality), "preset": "photo", "compression_level": "6"}
    with av.open(path, "w", format="webp", options={"loop": "0"}) as container:
        rate = Fraction(RATE, _EVERY)
        stream = container.add_stream("libwebp_anim", rate, options=options)
        stream.pix_fmt = "yuv420p"
        for number, picture in enumerate(pictures):
            if not number:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, "rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = number, 1 / rate
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def draw(
    source: Path, output: Path, work: Path, *, people: Sequence[Person] = PEOPLE, quality: int = 70
) -> str:
    """Make the moving picture.

    Args:
        source: folder or tar of portraits.
        output: the WebP to write; replaced if it is there.
        work: folder for the videos before and after.
        people: who is shown, from left to right.
        quality: of WebP, 0..100.

    Returns:
        What was unmasked, as a sentence.

    Raises:
        UnmaskError: the source cannot be read, or a portrait is missing or cannot be turned.
    """
    portraits = find_portraits(source, people)
    heads = [
        list(moving(head_of(portrait), person)) for portrait, person in zip(portraits, people, strict=True)
    ]
    before = write_video(work / "before.mp4", heads)
    report = Unmasker().video(before, work / "after.mp4")
    with replacing(output) as part:
        write_animation(part, stacked(before, work / "after.mp4"), quality)
    return f"{output}: {report.masked_faces} faces unmasked, {output.stat().st_size / 2**20:.1f} MiB"
