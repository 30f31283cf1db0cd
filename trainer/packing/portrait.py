"""One photo to one aligned face as the shards hold it."""

from __future__ import annotations

import base64
import json
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError
from stream_unmask.faces.mesh import Mesh
from trainer.packing.finding import FaceFinder, cut, read_photo

Bytes = NDArray[np.uint8]
Matrix = NDArray[np.float64]

_JPEG_QUALITY = 90
_MOUTH = (61, 291)
_LEAST_MARGIN = 0.9
"""A crop shrinks to this share where its photo ends close to the face."""
_MOST_MIRRORED = 0.05
"""Share of a crop that may lie outside its photo."""
_STEEP = 28.0
"""Degrees of yaw from which the mesh is less exact."""
_ERROR = (0.012, 0.02)
"""Mean difference in crop sides of a mesh found again on the crop: up to ``_STEEP``, and beyond."""


@dataclass(frozen=True, slots=True)
class Wishes:
    """Which faces are kept, and how.

    Attributes:
        size: side of the crops in pixels.
        least_eyes: pixels between the eyes in the photo, at least.
        most_yaw: turn of the head in degrees, at most.
    """

    size: int = 256
    least_eyes: float = 30.0
    most_yaw: float = 70.0


@dataclass(frozen=True, slots=True)
class AlignedPhoto:
    """An aligned face, ready for a shard.

    Attributes:
        jpeg: the encoded crop.
        notes: what the shard's JSON says of it, ``lm`` among it: see :func:`trainer.data.read_photos`.
        fingerprint: (32,) uint8, see :func:`fingerprint`.
    """

    jpeg: bytes
    notes: dict[str, object]
    fingerprint: Bytes


class UnfitError(Exception):
    """A photo without a face that can be used; says why in a few words."""


def portrait(path: Path, finder: FaceFinder, wishes: Wishes) -> AlignedPhoto:
    """Find, align and check the largest face of a photo.

    Raises:
        UnfitError: there is none that can be used.
    """
    try:
        photo = read_photo(path)
    except UnmaskError as error:
        raise UnfitError("not a picture that can be read") from error
    faces = finder.find(photo)
    if not faces:
        raise UnfitError("no face")
    mesh = faces[0].mesh
    if mesh.pose.scale < wishes.least_eyes:
        raise UnfitError("face too small")
    if abs(mesh.pose.yaw) > wishes.most_yaw:
        raise UnfitError("turned too far")
    matrix, mirrored = square(mesh, photo.shape[1], photo.shape[0], wishes.size)
    crop = cut(photo, matrix, wishes.size)
    if np.ptp(crop.astype(np.int16), axis=2).mean() < 2:
        raise UnfitError("without colour")
    points = mesh.points[:, :2] @ matrix[:, :2].T + matrix[:, 2]
    _check_again(crop, points, mesh.pose.yaw, finder)
    scale = float(np.hypot(matrix[0, 0], matrix[0, 1]))
    notes: dict[str, object] = {
        "size": wishes.size,
        "src_wh": [photo.shape[1], photo.shape[0]],
        "native_side": round(wishes.size / scale, 1),
        "eye_px": round(mesh.pose.scale, 1),
        "yaw": round(mesh.pose.yaw, 1),
        "pad": round(mirrored, 4),
        "lm": packed(points),
    }
    _, jpeg = cv2.imencode(
        ".jpg", cv2.cvtColor(crop, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    )
    return AlignedPhoto(jpeg.tobytes(), notes, fingerprint(crop))


def square(mesh: Mesh, width: int, height: int, size: int) -> tuple[Matrix, float]:
    """The similarity that cuts a face out of its photo, eyes level.

    Method: that of the FFHQ set (Karras et al., "A Style-Based Generator Architecture for Generative
    Adversarial Networks", 2019), with mesh points.

    Args:
        mesh: of the face, in pixels of the photo.
        width: of the photo.
        height: of the photo.
        size: side of the crop in pixels.

    Returns:
        (2, 3) from photo pixels to crop pixels, and the share of the crop that lies outside the photo.

    Raises:
        UnfitError: that share is too large even for a smaller crop.
    """
    eyes = mesh.eyes.mean(axis=0)
    across = mesh.eyes[1] - mesh.eyes[0]
    down = mesh.points[list(_MOUTH), :2].mean(axis=0) - eyes
    angle = np.arctan2(across[1], across[0])
    # A turned head's eyes move together; the mesh's own scale does not.
    side = 2 * max(2.0 * max(float(np.hypot(*across)), 0.9 * mesh.pose.scale), 1.8 * float(np.hypot(*down)))
    centre = eyes + 0.1 * down
    for share in (1.0, 0.95, _LEAST_MARGIN):
        zoom = size / (side * share)
        cos, sin = np.cos(angle) * zoom, np.sin(angle) * zoom
        turn = np.array([[cos, sin], [-sin, cos]])
        matrix = np.concatenate([turn, ((size - 1) / 2 - turn @ centre)[:, None]], 1)
        inside = cv2.warpAffine(np.full((height, width), 255, np.uint8), matrix / (size / 64), (64, 64))
        mirrored = 1 - float(np.mean(inside)) / 255
        if mirrored <= _MOST_MIRRORED:
            return matrix, mirrored
    raise UnfitError("too close to the photo's edge")


def packed(points: NDArray[np.floating]) -> str:
    """Mesh points (n, 2) in crop pixels as the shards hold them."""
    quarters = np.round(np.asarray(points) * 4).astype("<i2").T
    return base64.b64encode(zlib.compress(quarters.tobytes())).decode()


def fingerprint(crop: Bytes) -> Bytes:
    """(32,) uint8, 256 bits that hardly change when a picture is scaled or coded again: difference hash."""
    grey = cv2.resize(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), (17, 16), interpolation=cv2.INTER_AREA)
    return np.packbits(grey[:, 1:] > grey[:, :-1])


def _check_again(crop: Bytes, points: NDArray[np.float64], yaw: float, finder: FaceFinder) -> None:
    """Find the mesh once more, on the crop: two looks at a good face agree."""
    again = finder.find(crop)
    if not again:
        raise UnfitError("mesh unsure")
    error = np.abs(again[0].mesh.points[:, :2] - points).mean() / crop.shape[0]
    if error > _ERROR[int(abs(yaw) > _STEEP)]:
        raise UnfitError("mesh unsure")


def as_json(notes: dict[str, object]) -> bytes:
    """Notes as a shard holds them."""
    return json.dumps(notes, ensure_ascii=False).encode()
