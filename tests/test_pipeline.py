"""What a stream tells the work on a face, and its user, of the face."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from stream_unmask.api import Unmasker
from stream_unmask.inpainting.face import FaceState, FaceView
from stream_unmask.inpainting.ops import B, Faces, FrameOps, Layer
from stream_unmask.inpainting.resting import Rest
from stream_unmask.inpainting.tasks import Unmask
from stream_unmask.pipeline import Stream
from stream_unmask.report import Stages
from stream_unmask.video.frame import Frame
from tests.inpainting.gpu.clips import frames, pictures


class Watched:
    """Takes face masks off, and keeps how faces were seen."""

    def __init__(self) -> None:
        self.views: list[FaceView] = []
        self._task = Unmask("feather", smooth=True)

    def new_state(self) -> FaceState:
        return self._task.new_state()

    def wanted(self, score: float) -> float:
        return self._task.wanted(score)

    def inpaint(self, ops: FrameOps[B], faces: Faces[B], stages: Stages) -> Layer[B]:
        self.views += faces.views
        return self._task.inpaint(ops, faces, stages)


def test_a_face_comes_with_its_mesh_its_box_and_its_number(unmasker: Unmasker, masked_clip: Path) -> None:
    task = Watched()
    stream = Stream(unmasker.networks, unmasker.settings, task=task)
    done = [face for frame in frames(pictures(masked_clip, 3)) for face in stream.process(frame)]
    assert [face.number for face in done] == [stream.faces[0].number] * 3 == [1, 1, 1]
    for face, view in zip(done, task.views, strict=True):
        assert (face.number, face.box, face.alignment) == (view.number, view.box, view.alignment)
        assert (view.coasting, view.unseen) == (False, 0.0)
        assert view.points.shape == (468, 3)
        x0, y0, x1, y1 = view.box
        inside = (view.points[:, :2] > (x0, y0)) & (view.points[:, :2] < (x1, y1))
        assert inside.all(axis=1).mean() > 0.9
        matrix = view.alignment.matrix
        in_crop = view.points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
        assert np.abs(in_crop.mean(axis=0) - view.alignment.size / 2).max() < view.alignment.size / 8
    assert len({id(view.state) for view in task.views}) == 1
    assert not np.array_equal(task.views[0].points, task.views[1].points)


def put_on(bare_clip: Path, masked_clip: Path) -> Iterator[Frame]:
    """A face at 30 frames a second, bare in the first 24, wearing a mask from then on."""
    shown = [*pictures(bare_clip, 24), *reversed(pictures(masked_clip, 24)[-6:])]
    for index, picture in enumerate(shown):
        copy = av.VideoFrame.from_ndarray(picture.to_ndarray(), "yuv420p")
        yield Frame(copy, index, index, Fraction(1, 30), 1)


def test_of_a_bare_face_frames_are_passed_over_and_its_mask_is_seen_as_soon(
    unmasker: Unmasker, bare_clip: Path, masked_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, looked_at = [], []
    for passes_over in (Rest.passes_over, lambda *_: False):
        monkeypatch.setattr(Rest, "passes_over", passes_over)
        stream = unmasker.stream()
        done = [stream.process(frame) for frame in put_on(bare_clip, masked_clip)]
        first.append(next(index for index, faces in enumerate(done) if faces))
        looked_at.append(stream.faces[0].looked_at)
        assert len(stream.faces) == 1
    assert first[0] == first[1] > 24
    assert looked_at[0] < looked_at[1] == 30


def test_a_mask_that_reaches_below_its_crop_gets_one_with_more_room_from_its_first_frame_on(
    unmasker: Unmasker, masked_clip: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    for width in (0.0, 0.2):
        monkeypatch.setattr("stream_unmask.inpainting.cpu.ops.width_below", lambda _, width=width: width)
        stream = unmasker.stream()
        seen.append([face for frame in frames(pictures(masked_clip, 3)) for face in stream.process(frame)])
    usual, roomy = seen
    assert [face.alignment.roomy for face in usual] == [False] * 3
    assert [face.alignment.roomy for face in roomy] == [True] * 3
    for one, other in zip(usual, roomy, strict=True):
        np.testing.assert_allclose(one.alignment.with_room().matrix, other.alignment.matrix)
        assert other.alpha.sum() == pytest.approx(one.alpha.sum() / 1.06**2, rel=0.2)


def test_frames_wait_for_the_looks_that_choose_a_stand_in_and_come_in_order(
    unmasker: Unmasker, masked_clip: Path
) -> None:
    stream = unmasker.stream()
    came = [stream.submit(frame) for frame in frames(pictures(masked_clip, 8))]
    assert [len(each) for each in came] == [0, 0, 0, 0, 0, 6, 1, 1]
    assert [done.frame.pts for each in came for done in each] == sorted(
        done.frame.pts for each in came for done in each
    )
    assert not stream.drain()
    assert (stream.faces[0].guided_frames, stream.faces[0].unguided) == (8, {})


def test_frames_that_are_shown_at_once_do_not_wait(unmasker: Unmasker, masked_clip: Path) -> None:
    stream = unmasker.stream()
    assert all(stream.process(frame) for frame in frames(pictures(masked_clip, 4)))
    assert (stream.faces[0].guided_frames, stream.faces[0].unguided) == (4, {})
    assert stream.faces[0].fitting


def test_frames_do_not_wait_for_looks_at_a_head_that_is_gone(
    unmasker: Unmasker, bare_clip: Path, masked_clip: Path
) -> None:
    stream = unmasker.stream()
    shown = [*pictures(masked_clip, 1), *pictures(bare_clip, 12)]
    came = 0
    for index, picture in enumerate(shown):
        copy = av.VideoFrame.from_ndarray(picture.to_ndarray(), "yuv420p")
        came += len(stream.submit(Frame(copy, index, index, Fraction(1, 30), 1)))
        assert index + 1 - came < 6
    assert came + len(stream.drain()) == len(shown)
