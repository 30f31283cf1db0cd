"""Blurs every face of a video, a task of one's own: `python blur_faces.py INPUT OUTPUT`.

Finding and following faces, fading, and laying the result over the frame are the program's; what is done to a
face is one class (docs/extending.md explains it). The output has no sound.
"""

from __future__ import annotations

import sys
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask import Frame, Unmasker
from stream_unmask.inpainting.face import FaceState, FaceView
from stream_unmask.inpainting.ops import B, Faces, FrameOps, Layer
from stream_unmask.pipeline import Stream
from stream_unmask.report import Stages


class Blur:
    """Blurs every face, whether or not it wears a face mask."""

    def new_state(self) -> FaceState:
        """What a face carries from frame to frame: nothing of its own."""
        return FaceState()

    def wanted(self, score: float) -> float:
        """How sure it is that a face is to be blurred: each is."""
        return 1.0

    def inpaint(self, ops: FrameOps[B], faces: Faces[B], stages: Stages) -> Layer[B]:
        """The faces, made coarse and fine again."""
        with stages("blur"):
            coarse = ops.to_coarse(ops.to_coarse(faces.crops))
            pictures = ops.from_coarse(ops.from_coarse(coarse))
            alphas = ops.cover(ops.from_host([hull(view) for view in faces.views]), faces.strengths)
            return Layer(pictures, faces.masks, alphas, ops.outlines(faces, faces.masks))


def hull(view: FaceView) -> NDArray[np.float32]:
    """1 where a face's mesh lies in its crop, 0 around it."""
    matrix, size = view.alignment.matrix, view.alignment.size
    points = view.points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    outline = cv2.convexHull(points.round().astype(np.int32))
    return np.asarray(cv2.fillConvexPoly(np.zeros((size, size), np.float32), outline, 1.0), np.float32)


def main(source: Path, target: Path) -> None:
    """Write the video ``source`` to ``target``, its faces blurred."""
    unmasker = Unmasker()
    stream = Stream(unmasker.networks, unmasker.settings, task=Blur())
    video = cv2.VideoCapture(str(source))
    rate = video.get(cv2.CAP_PROP_FPS)
    size = (int(video.get(cv2.CAP_PROP_FRAME_WIDTH)), int(video.get(cv2.CAP_PROP_FRAME_HEIGHT)))
    output = cv2.VideoWriter(str(target), cv2.VideoWriter.fourcc(*"mp4v"), rate, size)
    number = 0
    while (read := video.read())[0]:
        frame = Frame.from_ndarray(np.asarray(read[1], np.uint8), number / rate, format="bgr24")
        stream.process(frame)  # draws into the frame
        output.write(frame.to_ndarray("bgr24"))
        number += 1
    output.release()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
