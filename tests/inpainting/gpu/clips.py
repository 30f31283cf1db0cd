"""Clips through a stream, and how alike they come out."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stream_unmask.pipeline import Stream, UnmaskedFrame
from stream_unmask.video.frame import Frame

LEAST_PSNR = 55.0
"""Of what one way draws to what another does."""


def pictures(path: Path, count: int) -> list[av.VideoFrame]:
    with av.open(path) as container:
        return [frame for frame, _ in zip(container.decode(video=0), range(count), strict=False)]


def frames(shown: Sequence[av.VideoFrame], pixel_format: str = "yuv420p") -> Iterator[Frame]:
    """Fresh copies, one every 1/12 s."""
    for index, picture in enumerate(shown):
        copy = av.VideoFrame.from_ndarray(picture.to_ndarray(), "yuv420p")
        yield Frame(copy.reformat(format=pixel_format), index, index, Fraction(1, 12), 1)


def in_flight(stream: Stream, given: Iterator[Frame]) -> tuple[list[UnmaskedFrame], list[int]]:
    """All frames through a stream, and how many came out at each that went in."""
    done, counts = [], []
    for frame in given:
        finished = stream.submit(frame)
        counts.append(len(finished))
        done += finished
    return done + stream.drain(), counts


def assert_all_alike(expected: Sequence[UnmaskedFrame], done: Sequence[UnmaskedFrame]) -> None:
    """The same frames came out alike, with the same faces in them."""
    for mine, theirs in zip(expected, done, strict=True):
        assert_alike(mine.frame, theirs.frame)
        assert mine.frame.touched == theirs.frame.touched
        for face, other in zip(mine.faces, theirs.faces, strict=True):
            np.testing.assert_allclose(face.mask, other.mask, atol=0.01)
            np.testing.assert_allclose(face.alpha, other.alpha, atol=0.01)
            assert (face.number, face.box) == (other.number, other.box)
            assert face.score == pytest.approx(other.score, abs=1e-4)


def assert_alike(one: Frame, other: Frame) -> None:
    """The same samples are changed, and changed alike; ``one`` knows what they were."""
    ours, theirs, before = one.planes(), other.planes(), one.decoded_planes()
    differing, changed, error = 0, 0, 0.0
    largest = (1 << ours.depth) - 1
    for mine, its, old in zip(
        (ours.y, ours.u, ours.v), (theirs.y, theirs.u, theirs.v), (before.y, before.u, before.v), strict=True
    ):
        touched = (mine != old) | (its != old)
        differing += int(((mine != old) != (its != old)).sum())
        changed += int(touched.sum())
        error += float((((mine[touched].astype(float) - its[touched]) / largest) ** 2).sum())
    assert differing <= 0.001 * changed
    assert changed == 0 or -10 * np.log10(max(error / changed, 1e-12)) > LEAST_PSNR
