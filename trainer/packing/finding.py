"""Finding the faces of a photo with the product's own detector and mesh."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.backends.openvino_cpu import OpenVINOEngine
from stream_unmask.faces.detection import INPUT_SHAPE, CenterFace
from stream_unmask.faces.mesh import FaceMesh, Mesh, Region
from stream_unmask.faces.weights import centerface, face_landmark
from stream_unmask.video.images import as_frame, read_image
from stream_unmask.video.thumbnail import Thumbnailer

Bytes = NDArray[np.uint8]

_PRESENT = 0.5
"""Presence from which a mesh is believed."""


@dataclass(frozen=True, slots=True)
class FoundFace:
    """A face in a photo.

    Attributes:
        mesh: in pixels of the photo.
        score: the detector's confidence, 0..1.
    """

    mesh: Mesh
    score: float


class FaceFinder:
    """Finds faces and their meshes. Belongs to one thread.

    Raises:
        UnmaskError: the networks' files are missing.
    """

    def __init__(self, threads: int = 1) -> None:
        self._detector = CenterFace(OpenVINOEngine(centerface(), threads, [INPUT_SHAPE]))
        self._mesh = FaceMesh(OpenVINOEngine(face_landmark(), threads))
        self._thumbnailer = Thumbnailer()

    def find(self, photo: Bytes) -> list[FoundFace]:
        """The faces of a photo, (H, W, 3) uint8 RGB, the largest first."""
        frame = as_frame(photo)
        detections = self._detector.detect(self._thumbnailer.shrink(frame))
        faces = []
        for box, five, score in zip(detections.boxes, detections.five, detections.scores, strict=True):
            mesh = self._mesh.fit(frame.planes(), Region.of_detection(box, five))
            # The second look starts from a mesh instead of a box, and sits better.
            mesh = self._mesh.fit(frame.planes(), mesh.region())
            if mesh.presence >= _PRESENT:
                faces.append(FoundFace(mesh, float(score)))
        return sorted(faces, key=lambda face: -face.mesh.pose.scale)


def read_photo(path: Path) -> Bytes:
    """(H, W, 3) uint8 RGB.

    Raises:
        UnmaskError: it is no picture that can be read.
    """
    pixels = read_image(path).pixels[:, :, :3]
    eight = pixels if pixels.dtype == np.uint8 else (pixels >> 8).astype(np.uint8)
    return np.ascontiguousarray(eight)


def cut(photo: Bytes, matrix: NDArray[np.float64], size: int) -> Bytes:
    """A square crop of a photo, without aliasing where it shrinks.

    Args:
        photo: (H, W, 3) uint8 RGB.
        matrix: (2, 3) similarity from photo pixels to crop pixels.
        size: side of the crop.
    """
    scale = float(np.hypot(matrix[0, 0], matrix[0, 1]))
    if scale < 0.7:
        height, width = photo.shape[:2]
        sides = (max(1, round(width * scale)), max(1, round(height * scale)))
        zoom = np.array([sides[0] / width, sides[1] / height])
        photo = np.asarray(cv2.resize(photo, sides, interpolation=cv2.INTER_AREA), np.uint8)
        # Pixel centres lie at whole numbers, so a picture that shrinks shifts by half of what it loses.
        linear = matrix[:, :2] / zoom
        matrix = np.concatenate([linear, matrix[:, 2:] + (linear @ (0.5 - 0.5 * zoom))[:, None]], 1)
    moved = cv2.warpAffine(
        photo, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101
    )
    return np.asarray(moved, np.uint8)
