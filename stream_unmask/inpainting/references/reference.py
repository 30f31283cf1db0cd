"""A person's own bare face: in a frame, or in a photo that the user gives."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engines.backends.openvino_cpu import OpenVINOEngine
from stream_unmask.errors import InputError
from stream_unmask.faces import weights
from stream_unmask.faces.alignment import Alignment
from stream_unmask.faces.detection import INPUT_SHAPE, CenterFace
from stream_unmask.faces.laying import Points, eye_distance, to_crop
from stream_unmask.faces.matching import Spots, spots
from stream_unmask.faces.mesh import FaceMesh, Mesh, Region, fit_settled
from stream_unmask.faces.tracking import PRESENT, SURE
from stream_unmask.faces.trusting import bare_skin
from stream_unmask.inpainting.laid import PicturedFace
from stream_unmask.inpainting.references.bareness import MAYBE_BARE, skin_share
from stream_unmask.inpainting.references.loops import without_loops
from stream_unmask.pixels.planes import Planes
from stream_unmask.pixels.sampling import sample_crop
from stream_unmask.video.frame import Frame
from stream_unmask.video.images import Image, as_frame, read_image
from stream_unmask.video.thumbnail import Thumbnailer

_SIDE = 256
"""Side of the crops in pixels."""

_INNER_LIPS = (13, 14)


@dataclass(frozen=True, eq=False)
class Reference(PicturedFace):
    """A person's own bare face at another moment.

    Attributes:
        origin: where it is from, for people: a frame or a photo.
        time: of its frame in seconds; of a photo 0.
    """

    origin: str
    time: float = 0.0

    @classmethod
    def from_image(cls, picture: str | Path | NDArray[np.uint8]) -> Reference:
        """Take a photo of a person without a face mask.

        Args:
            picture: a file, or (H, W, 3) RGB uint8.

        Raises:
            InputError: the file cannot be read, or there is not one face in it, and bare.
            ValueError: the array is no picture.
        """
        if isinstance(picture, str | Path):
            return cls.from_frame(as_frame(read_image(Path(picture))), str(picture), alone=True)
        if picture.dtype != np.uint8 or picture.ndim != 3 or picture.shape[2] != 3:
            raise ValueError(f"a picture is (H, W, 3) uint8, got {picture.shape} {picture.dtype}")
        return cls.from_frame(as_frame(Image(picture)), "the picture", alone=True)

    @classmethod
    def from_frame(cls, frame: Frame, origin: str, *, rotation: int = 0, alone: bool = False) -> Reference:
        """Take a picture of a person without a face mask.

        Args:
            frame: the picture.
            origin: what it is, for people.
            rotation: degrees clockwise by which it must be turned to be upright.
            alone: there may be no other face in it; else none that is bare.

        Raises:
            InputError: there is not one bare face in it.
        """
        faces = [
            pictured(frame.planes(), mesh.points, mesh.pose.alignment(_SIDE), origin, frame.time)
            for mesh in _meshes(frame, rotation)
        ]
        if not faces:
            raise InputError(f"There is no face in {origin} that could be used as a reference.")
        bare = [each for each in faces if skin_share(each.picture, each.points) >= MAYBE_BARE]
        if not bare:
            raise InputError(f"No face in {origin} is bare, so that none can be used as a reference.")
        count = len(faces) if alone else len(bare)
        if count > 1:
            raise InputError(f"There are {count} faces in {origin}; a reference must show one.")
        return bare[0]

    @cached_property
    def with_bare(self) -> NDArray[np.uint8]:
        """(S, S, 4) the picture without ear loops, and how surely each pixel shows bare skin, 0..255."""
        picture = without_loops(self.picture, self.points)
        return np.dstack([picture, bare_skin(picture, self.points)])

    @cached_property
    def openness(self) -> float:
        """Gap between the lips in eye distances."""
        return lips_apart(self.points)

    @cached_property
    def sharpness(self) -> float:
        """Contrast of the finest detail of the lower face."""
        size = len(self.picture)
        lower = self.picture[int(0.45 * size) : int(0.8 * size), int(0.3 * size) : int(0.7 * size)]
        grey = cv2.cvtColor(lower, cv2.COLOR_RGB2GRAY)
        return float(cv2.Laplacian(grey, cv2.CV_32F).std())

    @cached_property
    def spots(self) -> Spots:
        """What of it is compared with a masked head."""
        return spots(self.picture, self.points, np.ascontiguousarray(self.with_bare[:, :, 3]))


def lips_apart(points: Points) -> float:
    """Gap between the lips of a mesh (468, 3), in eye distances."""
    upper, lower = points[list(_INNER_LIPS)]
    return float(np.linalg.norm(upper - lower)) / eye_distance(points)


def pictured(
    planes: Planes, points: Points, alignment: Alignment, origin: str, time: float = 0.0
) -> Reference:
    """A face as a frame shows it.

    Args:
        planes: of the frame.
        points: (468, 3) the face's mesh in frame pixels.
        alignment: of its crop.
        origin: where it is from, for people.
        time: of the frame in seconds.
    """
    crop = sample_crop(planes, alignment.matrix, alignment.size)
    picture = np.clip(cv2.merge(tuple(crop)) * 127.5 + 127.5, 0, 255)
    return Reference((picture + 0.5).astype(np.uint8), to_crop(points, alignment), origin, time)


def _meshes(frame: Frame, rotation: int) -> list[Mesh]:
    """The faces in a picture."""
    detector, network = _networks()
    found = detector.detect(Thumbnailer(rotation=rotation).shrink(frame))
    meshes = []
    for box, five, score in zip(found.boxes, found.five, found.scores, strict=True):
        mesh = fit_settled(network, frame.planes(), Region.of_detection(box, five))
        if score >= SURE and mesh.presence >= PRESENT:
            meshes.append(mesh)
    return meshes


@cache
def _networks() -> tuple[CenterFace, FaceMesh]:
    detector = OpenVINOEngine(weights.centerface(), 1, [INPUT_SHAPE])
    return CenterFace(detector), FaceMesh(OpenVINOEngine(weights.face_landmark(), 1))
