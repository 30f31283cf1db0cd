"""Portraits as the bank of stand-ins wants them: one face, found, fitted and cut out."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError
from stream_unmask.faces.alignment import align
from stream_unmask.faces.detection import CenterFace
from stream_unmask.faces.mesh import FaceMesh, Mesh, Region, fit_settled
from stream_unmask.pixels.planes import Planes
from stream_unmask.pixels.sampling import sample_crop
from stream_unmask.tars import plain_files
from stream_unmask.video.files import is_image
from stream_unmask.video.frame import Frame
from stream_unmask.video.images import as_frame
from stream_unmask.video.thumbnail import Thumbnailer

Pixels = NDArray[np.uint8]

SURE_FACE = 0.5
"""Score from which a detection counts as a face: a portrait must have one, and no second."""

SURE_MESH = 0.8
"""Presence from which a mesh counts as fitted; bare faces have nearly 1."""


@dataclass(frozen=True, slots=True)
class Portrait:
    """One bare face.

    Attributes:
        name: of the picture it was cut from.
        picture: (S, S, 3) RGB, aligned as every crop of the product is.
        points: (468, 3) its mesh in pixels of ``picture``.
        native: picture pixels per pixel of the source: above 1 the crop was enlarged.
    """

    name: str
    picture: Pixels
    points: NDArray[np.float64]
    native: float


class PortraitReader:
    """Finds the face in a picture and cuts it out."""

    def __init__(self, detector: CenterFace, mesh: FaceMesh, size: int) -> None:
        """Take over the networks.

        Args:
            detector: finds faces.
            mesh: fits one face.
            size: side S of the crops in pixels.
        """
        self._detector, self._mesh, self._size = detector, mesh, size
        self._thumbnailer = Thumbnailer()

    def read(self, name: str, pixels: Pixels) -> Portrait | str:
        """Cut out the face of one picture.

        Args:
            name: of the picture.
            pixels: (H, W, 3) RGB.

        Returns:
            The portrait, or why it is none in a word or two.
        """
        frame = as_frame(pixels)
        found = self._detector.detect(self._thumbnailer.shrink(frame))
        sure = np.flatnonzero(found.scores >= SURE_FACE)
        if len(sure) != 1:
            return "no face" if not len(sure) else "several faces"
        mesh = self.fit(frame, Region.of_detection(found.boxes[sure[0]], found.five[sure[0]]))
        if mesh.presence < SURE_MESH:
            return "no mesh"
        return self.cut(name, frame.planes(), mesh)

    def fit(self, frame: Frame, region: Region) -> Mesh:
        """The mesh of the face in a region, followed until it has settled."""
        return fit_settled(self._mesh, frame.planes(), region)

    def cut(self, name: str, planes: Planes, mesh: Mesh) -> Portrait:
        """The crop of a face whose mesh is known."""
        alignment = align(mesh.points, self._size)
        crop = sample_crop(planes, alignment.matrix, self._size)
        picture = np.clip(crop.transpose(1, 2, 0) * 127.5 + 128.0, 0, 255).astype(np.uint8)
        points = mesh.points.copy()
        points[:, :2] = points[:, :2] @ alignment.matrix[:, :2].T + alignment.matrix[:, 2]
        points[:, 2] *= alignment.scale
        return Portrait(name, np.ascontiguousarray(picture), points, alignment.scale)


def read_pictures(source: Path) -> Iterator[tuple[str, Pixels]]:
    """The pictures of a folder, or of a tar, by name.

    Yields:
        Name and (H, W, 3) RGB pixels; what cannot be read as a picture is left out.

    Raises:
        UnmaskError: the source is neither, cannot be read, or holds no picture.
    """
    read = _of_tar(source) if source.is_file() else _of_folder(source)
    empty = True
    for name, data in read:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR_RGB)
        if pixels is not None:
            empty = False
            yield name, np.asarray(pixels, np.uint8)
    if empty:
        raise UnmaskError(f"There is no picture in {source}.", path=source)


def _of_folder(source: Path) -> Iterator[tuple[str, bytes]]:
    if not source.is_dir():
        raise UnmaskError(f"There is no folder and no tar {source}.", path=source)
    for path in sorted(path for path in source.iterdir() if is_image(path) and path.is_file()):
        yield path.name, path.read_bytes()


def _of_tar(source: Path) -> Iterator[tuple[str, bytes]]:
    try:
        with tarfile.open(source, "r:") as tar:
            members = [each for each in plain_files(tar, source) if is_image(Path(each.name))]
            for member in sorted(members, key=lambda each: each.name):
                file = tar.extractfile(member)
                if file is not None:
                    yield Path(member.name).name, file.read()
    except (tarfile.TarError, OSError) as error:
        raise UnmaskError(f"{source} is neither a folder nor a tar that can be read.", path=source) from error
