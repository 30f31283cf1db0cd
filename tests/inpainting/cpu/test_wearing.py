"""Masks that are put on stay the same masks, are drawn where they are sure, and do not flicker."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from engines.engine import Port
from stream_unmask.inpainting.cpu.networks import CpuNetworks
from stream_unmask.inpainting.cpu.ops import CpuDevice
from stream_unmask.inpainting.cpu.wearing import Wearer, opaque
from stream_unmask.inpainting.face import FaceState, UnmaskedFace
from stream_unmask.inpainting.inpainter import Inpainter
from stream_unmask.inpainting.tasks import Wear
from stream_unmask.report import Stages
from stream_unmask.video.frame import Frame
from stream_unmask.video.images import Image, as_frame
from tests.inpainting.faces import SIZE, FakeEngine, Picture, alignment, face, soft_mask, view

SIDE = SIZE // 2


class FakeWearer:
    """Draws a mask in the colour of the style's first three numbers, with an alpha of the test's own."""

    description, max_batch = "a stand-in", 1
    inputs: tuple[Port, ...] = (Port("crop", (1, 3, SIDE, SIDE)), Port("style", (1, 8, 1, 1)))
    outputs: tuple[Port, ...] = (Port("worn", (1, 3, SIDE, SIDE)), Port("alpha", (1, 1, SIDE, SIDE)))

    def __init__(self, alpha: Callable[[], Picture] = lambda: soft_mask(SIDE)) -> None:
        self._alpha = alpha

    def run(self, *inputs: Picture) -> tuple[Picture, ...]:
        crop, style = inputs
        assert crop.shape == (1, 3, SIDE, SIDE)
        return np.broadcast_to(style[:, :3], crop.shape).copy(), self._alpha()[None, None]


def inpainter(wearer: FakeWearer | None = None, *, smooth: bool = True) -> Inpainter[list[Picture]]:
    bare = FakeEngine(lambda crop: np.zeros_like(crop[:, :1]))
    networks = CpuNetworks({"segmenter": bare, "wearer": wearer or FakeWearer()})
    return Inpainter(CpuDevice(networks), Wear(smooth))


def frame() -> Frame:
    pixels = np.clip((face().transpose(1, 2, 0) + 1) * 127.5, 0, 255).astype(np.uint8)
    return as_frame(Image(np.ascontiguousarray(pixels)))


def dressed(
    works: Inpainter[list[Picture]], one: FaceState, onto: Frame, strength: float = 1.0
) -> UnmaskedFace:
    inpainting = works.begin(onto, [view(one, alignment())], Stages())
    assert [each.sure for each in inpainting.scores()] == [0.0]
    inpainting.inpaint([strength])
    (done,) = inpainting.finish()
    return done


def test_the_wearer_is_fed_at_its_own_side() -> None:
    style = np.zeros((1, 8, 1, 1), np.float32)
    style[:, :3, 0, 0] = 0.5, -0.5, 3.0
    worn, alpha = Wearer(FakeWearer()).dress(face(), style)
    assert worn.shape == (3, SIZE, SIZE)
    assert [float(plane.mean()) for plane in worn] == [0.5, -0.5, 1.0]
    assert np.abs(alpha - soft_mask()).mean() < 0.01


def test_every_face_has_a_mask_of_its_own_and_keeps_it() -> None:
    works = inpainter()
    faces = [works.task.new_state() for _ in range(2)]
    assert not np.array_equal(faces[0].style, faces[1].style)  # type: ignore[arg-type]
    before = faces[0].style.copy()  # type: ignore[union-attr]
    dressed(works, faces[0], frame())
    faces[0].forget()
    assert np.array_equal(faces[0].style, before)  # type: ignore[arg-type]
    assert np.array_equal(inpainter().task.new_state().style, before)  # type: ignore[arg-type]


def test_only_what_lies_under_the_mask_is_changed() -> None:
    works, onto = inpainter(), frame()
    before = onto.planes().y.copy()
    done = dressed(works, works.task.new_state(), onto)
    changed = onto.planes().y != before
    assert changed[done.alpha == 1].mean() > 0.9
    assert not changed[done.alpha == 0].any()
    assert (done.alpha == 0).mean() > 0.5


def test_a_mask_that_reaches_the_crops_border_ends_before_it() -> None:
    works = inpainter(FakeWearer(lambda: np.ones((SIDE, SIDE), np.float32)))
    alpha = dressed(works, works.task.new_state(), frame(), 0.5).alpha
    assert max(alpha[0].max(), alpha[-1].max(), alpha[:, 0].max(), alpha[:, -1].max()) == 0
    assert alpha.max() == 0.5


def test_doubts_are_not_drawn() -> None:
    alpha = opaque(np.array([0, 0.1, 0.5, 0.9, 1], np.float32))
    assert alpha[[0, 1, 3, 4]].tolist() == [0, 0, 1, 1]
    assert 0.4 < alpha[2] < 0.6


def test_an_alpha_that_flickers_is_steadied() -> None:
    spread = []
    for smooth in (False, True):
        chance = np.random.default_rng(0)
        flickering = FakeWearer(lambda: soft_mask(SIDE) * np.float32(chance.uniform(0.3, 0.7)))  # noqa: B023
        works = inpainter(flickering, smooth=smooth)
        one = works.task.new_state()
        alphas = [dressed(works, one, frame()).alpha[80, 64] for _ in range(12)]
        spread.append(np.abs(np.diff(alphas)).mean())
    assert spread[1] < 0.6 * spread[0]
