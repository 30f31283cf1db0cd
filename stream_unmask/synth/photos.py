"""Masks on whole photos, at the photo's own size."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import CROP_SIDE, MESH_POINTS, fit_pose
from stream_unmask.synth.masks import DrawnMask, wear
from stream_unmask.synth.style import ANY, OFF_THE_FACE, MaskStyle

Bytes = NDArray[np.uint8]

_SMALLEST = 64
"""Side in pixels of a crop below which it is drawn on larger than it is: no line is thinner than a pixel."""

_LONG, _MARGIN = ("gaiter", "scarf", "bandana"), 1.0
"""Masks that reach out of the networks' crop, and by how much at most, in eye distances."""


def check_face(photo: Bytes, mesh: NDArray[np.floating]) -> None:
    """Raise ValueError where ``photo`` is no RGB picture of bytes, or ``mesh`` no face mesh."""
    if photo.dtype != np.uint8 or photo.ndim != 3 or photo.shape[2] != 3:
        raise ValueError(f"A photo is (H, W, 3) uint8 RGB, not {photo.shape} {photo.dtype}.")
    if mesh.ndim != 2 or mesh.shape[0] < MESH_POINTS or mesh.shape[1] not in (2, 3):
        raise ValueError(f"A mesh is ({MESH_POINTS}, 2) points in pixels of the photo, not {mesh.shape}.")


def wear_in_photo(
    photo: Bytes, mesh: NDArray[np.floating], rng: np.random.Generator, style: MaskStyle = ANY
) -> DrawnMask:
    """As :func:`draw_mask`, with the kind of mask and the way it is worn, too."""
    check_face(photo, mesh)
    points = mesh[:MESH_POINTS, :2]
    before = rng.bit_generator.state
    drawn = _wear(photo, points, rng, style, 0.0)
    if drawn.kind in _LONG or drawn.worn in OFF_THE_FACE:
        rng.bit_generator.state = before
        drawn = _wear(photo, points, rng, style, _MARGIN)
    return drawn


def _wear(
    photo: Bytes, points: NDArray[np.floating], rng: np.random.Generator, style: MaskStyle, margin: float
) -> DrawnMask:
    """Wear a mask in a crop with a ``margin`` around it, in eye distances, and bring back what it changed."""
    pose = fit_pose(points)
    # The crop at the photo's own scale, so that nothing is blurred on the way.
    size = max(_SMALLEST, round(CROP_SIDE * pose.scale))
    unit = size / CROP_SIDE
    matrix, pad = pose.alignment(size).matrix.copy(), round(margin * unit)
    matrix[:, 2] += pad
    canvas = (size + 2 * pad, size + 2 * pad)
    crop = np.asarray(cv2.warpAffine(photo, matrix, canvas, borderMode=cv2.BORDER_REPLICATE), np.uint8)
    inside = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    worn = wear(crop, inside, pose.yaw, unit, rng, style)
    sides, flags = photo.shape[1::-1], cv2.WARP_INVERSE_MAP | cv2.INTER_LINEAR
    change = cv2.warpAffine(worn.picture.astype(np.float32) - crop, matrix, sides, flags=flags)
    picture = np.clip(photo + change, 0, 255).astype(np.uint8)
    mask = np.asarray(cv2.warpAffine(worn.mask, matrix, sides, flags=flags), np.uint8)
    return DrawnMask(picture, mask, worn.kind, worn.worn)


def draw_mask(
    photo: Bytes, mesh: NDArray[np.floating], rng: np.random.Generator, style: MaskStyle = ANY
) -> tuple[Bytes, Bytes]:
    """Put a face mask on a face of a photo.

    Args:
        photo: (H, W, 3) uint8 RGB; stays as it is.
        mesh: (468, 2) or more points of MediaPipe's face mesh, in pixels of the photo; a third column is
            passed over.
        rng: where all chance comes from: the same mask for the same seed.
        style: what is not left to chance.

    Returns:
        (H, W, 3) uint8 RGB, the photo with the mask on; (H, W) uint8, 255 where the mask hides the photo, its
        ear loops and straps too, and less along its soft edge.

    Raises:
        ValueError: the photo or the mesh is of another shape or type.
    """
    worn = wear_in_photo(photo, mesh, rng, style)
    return worn.picture, worn.mask
