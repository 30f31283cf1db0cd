"""What was made for one frame serves the next one too, where nobody sees it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from stream_unmask.inpainting.cpu.carrying import Found, Moment, Painted, find, paint
from stream_unmask.inpainting.cpu.generating import Generator
from stream_unmask.inpainting.face import FaceState
from stream_unmask.inpainting.laid import LaidFace
from stream_unmask.pixels.geometry import Box
from tests.inpainting.faces import SIZE, FakeEngine, Picture, alignment, face, soft_mask, view

FRAME = 1 / 30
SOURCE = object()
WHOLE = Box(0, 0, SIZE, SIZE)


class Face:
    """One face, frame after frame, painted by a generator that makes the guide darker by a fifth.

    Attributes:
        looks: runs of the segmenter.
        runs: of the generator.
    """

    def __init__(self, number: int = 2) -> None:
        self.looks = self.runs = 0
        self._generator = Generator(FakeEngine(self._answer))
        self._view = replace(view(FaceState(), alignment()), number=number)
        self._found: Found | None = None
        self._painted: Painted | None = None

    def _answer(self, crop: Picture, mask: Picture, guide: Picture, trust: Picture) -> Picture:
        self.runs += 1
        return trust * ((guide + 1) * 0.8 - 1)

    def _mask(self) -> Picture:
        self.looks += 1
        return soft_mask()

    def shows(
        self,
        guide: LaidFace | None,
        x: float = 0.0,
        elapsed: float = FRAME,
        light: float = 0.0,
        coasting: bool = False,
    ) -> Picture:
        """The next frame."""
        seen = replace(self._view, alignment=alignment(x), coasting=coasting)
        crop = face() + np.float32(light)
        now = Moment.of(crop, seen.alignment.matrix)
        mask, self._found = find(self._mask, now, seen, elapsed, self._found, self._painted)
        picture, self._painted = paint(self._generator, crop, mask, guide, now, seen, elapsed, self._painted)
        return picture


def laid(level: float = 0.5, source: object = SOURCE) -> LaidFace:
    """A face of one grey, in 0..1, all over the crop."""
    return LaidFace(
        np.full((SIZE, SIZE, 3), level, np.float32), np.ones((SIZE, SIZE), np.float32), WHOLE, source
    )


def test_of_a_calm_face_one_network_rests_while_the_other_runs() -> None:
    one = Face()
    runs, looks = [], []
    for _ in range(6):
        one.shows(laid())
        runs.append(one.runs)
        looks.append(one.looks)
    assert runs == [1, 1, 2, 2, 3, 3]
    assert looks == [1, 2, 2, 3, 3, 4]


def test_the_face_lies_where_it_should_in_each_of_them() -> None:
    one = Face()
    one.shows(laid(0.5))
    moved = laid(0.5)
    moved.picture[40:60, 40:60] = 0.7  # what the network has not seen
    shown = one.shows(moved) * 0.5 + 0.5
    assert one.runs == 1
    np.testing.assert_allclose(shown[:, 45:55, 45:55], 0.8 * 0.7, atol=0.02)
    np.testing.assert_allclose(shown[:, 80:100, 80:100], 0.8 * 0.5, atol=0.01)


@pytest.mark.parametrize(
    "change",
    [{"x": 4.0}, {"elapsed": 0.07}, {"light": 0.05}, {"coasting": True}],
    ids=["it moves", "it comes late", "the light is another", "it is not seen"],
)
def test_both_run_for_each_frame_where(change: dict[str, float]) -> None:
    one = Face()
    one.shows(laid())
    one.shows(laid(), **change)  # type: ignore[arg-type]
    assert one.runs == 2
    other = Face()
    other.shows(laid())
    other.shows(laid())  # the generator rests
    other.shows(laid(), **change)  # type: ignore[arg-type]
    assert (other.runs, other.looks) == (2, 3)


@pytest.mark.parametrize("other", [laid(source=object()), laid().faded(0.5), None])
def test_nor_does_it_serve_another_face_or_one_that_fades(other: LaidFace | None) -> None:
    one = Face()
    one.shows(laid())
    one.shows(other)
    one.shows(laid())
    assert one.runs == 3


def test_faces_take_turns() -> None:
    faces = [Face(number) for number in (1, 2)]
    runs = []
    for _ in range(5):
        before = sum(each.runs for each in faces)
        for each in faces:
            each.shows(laid())
        runs.append(sum(each.runs for each in faces) - before)
    assert runs == [2, 1, 1, 1, 1]


def test_without_a_guide_nothing_is_kept() -> None:
    one = Face()
    for _ in range(3):
        one.shows(None)
    assert one.runs == one.looks == 3
