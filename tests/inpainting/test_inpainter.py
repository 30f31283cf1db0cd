"""The work on faces goes in order, and what a face carries is its own."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from stream_unmask.inpainting.cpu.networks import CpuNetworks
from stream_unmask.inpainting.cpu.ops import CpuDevice
from stream_unmask.inpainting.face import FaceState
from stream_unmask.inpainting.graining import GrainEstimate
from stream_unmask.inpainting.inpainter import Inpainter
from stream_unmask.inpainting.tasks import Unmask
from stream_unmask.marks.code import Message
from stream_unmask.marks.writing import Marker
from stream_unmask.report import Stages
from stream_unmask.video.frame import Frame
from stream_unmask.video.images import Image, as_frame
from tests.inpainting.faces import FakeEngine, Picture, alignment, face, soft_mask, view


def inpainter(marker: Marker | None = None) -> Inpainter[list[Picture]]:
    """Finds a drawn mask on every face, and paints what is beneath it grey."""
    segmenter = FakeEngine(lambda crop: soft_mask()[None, None])
    generator = FakeEngine(lambda crop, *_: np.zeros_like(crop))
    networks = CpuNetworks({"segmenter": segmenter, "generator": generator})
    return Inpainter(CpuDevice(networks), Unmask("feather", True), marker)


def frame(index: int = 0) -> Frame:
    pixels = np.clip((face().transpose(1, 2, 0) + 1) * 127.5, 0, 255).astype(np.uint8)
    picture = as_frame(Image(np.ascontiguousarray(pixels))).picture
    return Frame(picture, index, index, Fraction(1, 30), 1)


def test_a_frame_is_as_it_came_until_it_is_finished() -> None:
    works, state, onto, stages = inpainter(), FaceState(), frame(), Stages()
    inpainting = works.begin(onto, [view(state, alignment())], stages)
    (score,) = inpainting.scores()
    assert score.sure > 0.95
    inpainting.inpaint([1.0])
    assert not onto.touched
    (done,) = inpainting.finish()
    assert onto.touched
    assert done.score == score.sure
    assert list(stages.runs) == [
        "sample",
        "segment",
        "lay",
        "generate",
        "smooth",
        "blend",
        "grain",
        "composite",
    ]


def test_of_two_faces_only_the_one_that_shows_is_changed_and_remembers() -> None:
    works, states, onto = inpainter(), [FaceState(), FaceState()], frame(3)
    places = [alignment(zoom=0.5), alignment(x=64, y=64, zoom=0.5)]
    views = [view(state, place) for state, place in zip(states, places, strict=True)]
    inpainting = works.begin(onto, views, Stages())
    assert len(inpainting.scores()) == 2
    inpainting.inpaint([0.0, 0.5])
    (done,) = inpainting.finish()
    assert done.alignment is places[1]
    assert done.alpha.max() == 0.5
    changed = onto.planes().y != frame().planes().y
    assert changed[64:, 64:].any()
    assert not changed[:64].any()
    assert not changed[:, :64].any()
    assert states[0].time is None
    assert states[0].steadied is states[0].colours is None
    assert states[1].time == pytest.approx(0.1)
    assert states[1].steadied is not None


def test_what_is_forgotten_starts_afresh_but_for_noise_and_style() -> None:
    works, state = inpainter(), FaceState(style=np.ones((1, 8, 1, 1), np.float32))
    for index in range(2):
        inpainting = works.begin(frame(index), [view(state, alignment())], Stages())
        inpainting.scores()
        inpainting.inpaint([1.0])
        inpainting.finish()
    assert state.grain.points is not None
    noise, style = state.noise, state.style
    state.forget()
    assert state.time is state.steadied is state.colours is state.outline is None
    assert state.grain == GrainEstimate()
    assert state.noise is noise
    assert state.style is style


def test_an_unknown_blend_is_refused() -> None:
    with pytest.raises(ValueError, match="feather, pyramid, poisson"):
        Unmask("smear", True)  # type: ignore[arg-type]


def test_a_mark_lies_in_the_frame_where_it_would_in_the_usual_crop() -> None:
    def drawn(marker: Marker | None, *, roomy: bool) -> Picture:
        onto, where = frame(), alignment()
        inpainting = inpainter(marker).begin(
            onto, [view(FaceState(), where.with_room() if roomy else where)], Stages()
        )
        inpainting.scores()
        inpainting.inpaint([1.0])
        inpainting.finish()
        return onto.planes().y.astype(np.float32)

    def mark(*, roomy: bool) -> Picture:
        return drawn(Marker(Message(worn=False)), roomy=roomy) - drawn(None, roomy=roomy)

    usual, lifted = mark(roomy=False), mark(roomy=True)
    both = (usual != 0) & (lifted != 0)
    assert both.sum() > 100
    assert np.corrcoef(usual[both], lifted[both])[0, 1] > 0.9
