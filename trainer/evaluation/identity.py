"""Whether finished faces still look like the same person to a face recogniser, one of the user's own.

None comes with the project: nothing in it needs to know who somebody is. Whoever has one, and the right to
use it, can have it judge here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import InputError
from stream_unmask.faces.laying import Points
from stream_unmask.pixels.geometry import similarity
from trainer.evaluation.contestants import onnx_session

Bytes = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

_SIDE = 112
_FIVE = np.array(
    [(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)]
)
"""Where recognisers want eyes, nose tip and mouth corners: the alignment of Deng et al., "ArcFace", 2019."""

_EYES, _NOSE, _MOUTH = ((33, 133), (263, 362)), 1, (61, 291)
"""The same points of the mesh: an eye is the middle between its corners."""


class Recogniser:
    """An ONNX network from a face to a vector whose direction tells who it is.

    It takes (N, 3, 112, 112) RGB in [-1, 1], as those of ArcFace's kind do, and gives (N, D).
    """

    def __init__(self, path: Path, threads: int = 2) -> None:
        """Load it.

        Raises:
            InputError: the file is no such network.
        """
        try:
            self._session = onnx_session(path, threads)
            self._input = self._session.get_inputs()[0].name
            fits = self._run(np.zeros((1, 3, _SIDE, _SIDE), np.float32)).ndim == 2
        except Exception as error:  # ONNX Runtime has a class of its own for each thing that may be wrong
            raise InputError(
                f"{path} is no face recogniser in ONNX: {error}".splitlines()[0], path=path
            ) from error
        if not fits:
            raise InputError(f"{path} is no face recogniser: it gives no vector for a face.", path=path)

    def likeness(self, made: Sequence[Bytes], truths: Sequence[Bytes], points: Sequence[Points]) -> float:
        """Mean cosine between finished and true faces; 1 for the same pictures.

        Args:
            made: (S, S, 3) RGB crops.
            truths: the true ones, in the same order.
            points: (468, 2) the true faces' meshes in the crops' pixels.
        """
        cosines = [
            float(self._who(one, mesh) @ self._who(other, mesh))
            for one, other, mesh in zip(made, truths, points, strict=True)
        ]
        return float(np.mean(cosines))

    def _who(self, face: Bytes, points: Points) -> FloatArray:
        """(D,) of length 1."""
        cut = cv2.warpAffine(face, _placed(points), (_SIDE, _SIDE), flags=cv2.INTER_AREA)
        vector = self._run((cut.transpose(2, 0, 1)[None] / np.float32(127.5) - 1).astype(np.float32))[0]
        return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-9), np.float32)

    def _run(self, faces: FloatArray) -> FloatArray:
        return np.asarray(self._session.run(None, {self._input: faces})[0], np.float32)


def _placed(points: Points) -> NDArray[np.float64]:
    """(2, 3) the similarity that takes a mesh (468, 2) nearest to where recognisers want it."""
    eyes = [points[list(corners), :2].mean(axis=0) for corners in _EYES]
    return similarity(np.array([*eyes, points[_NOSE, :2], *points[list(_MOUTH), :2]]), _FIVE)
