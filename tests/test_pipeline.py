"""What a stream tells the work on a face, and its user, of the face."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from stream_unmask.api import Unmasker
from stream_unmask.inpainting.face import FaceState, FaceView
from stream_unmask.inpainting.ops import B, Faces, FrameOps, Layer
from stream_unmask.inpainting.tasks import Unmask
from stream_unmask.pipeline import Stream
from stream_unmask.report import Stages
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
