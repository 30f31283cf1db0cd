"""A face's picture laid on another mesh: pixels follow the triangles between mesh points.

The triangles of the target are drawn into a backward map, nearest first (a z-buffer: Catmull, "A Subdivision
Algorithm for Computer Display of Curved Surfaces", 1974), and the picture is read through the map. A ring of
points around the face carries what lies just beside it: cheeks that end later, a strip of neck.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import cv2
import numba
import numpy as np
from numpy.typing import NDArray

from stream_unmask.faces.alignment import MESH_POINTS, mean_face
from stream_unmask.faces.rastering import blank, draw_triangles, interpolate
from stream_unmask.pixels.geometry import Box

FloatArray = NDArray[np.float32]
Pixels = NDArray[np.float32] | NDArray[np.uint8]

# fmt: off
OVAL = np.array([
    10, 338, 297, 332, 284, 251, 389, 356, 454, 323, 361, 288, 397, 365, 379, 378, 400, 377,
    152, 148, 176, 149, 150, 136, 172, 58, 132, 93, 234, 127, 162, 21, 54, 103, 67, 109,
])
# fmt: on
"""Mesh points on the face's outline, clockwise from the forehead's middle."""

# fmt: off
_LIPS = np.array([
    61, 146, 91, 181, 84, 17, 314, 405, 321, 375, 291, 409, 270, 269, 267, 0, 37, 39, 40, 185,
    78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308, 415, 310, 311, 312, 13, 82, 81, 80, 191,
    76, 62, 292, 306, 77, 90, 180, 85, 16, 315, 404, 320, 307, 408, 304, 303, 302, 11, 72, 73, 74, 184,
    96, 89, 179, 86, 15, 316, 403, 319, 325, 407, 272, 271, 268, 12, 38, 41, 42, 183,
])
# fmt: on
"""Mesh points on the lips. Those of a closed mouth cross: the triangles between them turn over."""

_RING = 0.42
"""How far outside the outline the ring lies, as a share of the way from the outline's centre."""

_NOSE_TIP = 1
_EYES = ((33, 133), (263, 362))

_GRAZING, _SQUARE = 0.2, 0.45
"""How far a surface faces the camera (its normal's part towards it) to be trusted not at all, and fully."""

_SMOOTHINGS = 6
"""Times that the normals for trust are averaged with their neighbours': creases count as the cheek around
them, or lips and nostrils were holes in every face."""

_RIM = 0.25
"""Share of the ring's width in which trust falls to nothing."""

_LEAST_ZOOM = 0.6
"""A picture that shrinks further is halved first: cubic interpolation would skip pixels."""

_INNER = 0.97
"""How far inside the face a pixel lies that belongs to it, not to the ring."""

_INSIDE = np.repeat(np.array((1.0, 0.0), np.float32), (MESH_POINTS, len(OVAL)))
"""1 for the mesh's points, 0 for the ring's."""


@dataclass(frozen=True, slots=True)
class Warped:
    """A picture laid on a mesh.

    Attributes:
        picture: (S, S, C) float32 in the range of the picture that was laid; 0 where nothing of it lies.
        trust: (S, S) float32, 0..1: how squarely the picture showed each place; 1 on what it saw from the
            front, falling to 0 at grazing angles and just outside the face, 0 where it saw nothing.
        normals: (S, S, 3) float32 of the laid mesh, right, down and towards the camera; None if not asked
            for.
    """

    picture: FloatArray
    trust: FloatArray
    normals: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class WarpSource:
    """What must be known of a picture to lay its face on meshes; see :func:`warp_source`.

    Attributes:
        shape: height and width of the picture.
        places: (504, 2) float32, its mesh points and the ring's, in its pixels.
        shares: (504, 2) float32, how squarely it shows each point, and 1 on the face, 0 on the ring.
    """

    shape: tuple[int, int]
    places: FloatArray
    shares: FloatArray


def warp_source(picture: Pixels, points: NDArray[np.floating], zoom: float) -> tuple[Pixels, WarpSource]:
    """Get ready to lay a picture's face on many meshes.

    Args:
        picture: (H, W, C) float32 or uint8.
        points: (468, 3) the face's mesh in its pixels; see ``source`` of :func:`warp_face`.
        zoom: size of the face in the results as a share of that in the picture.

    Returns:
        The picture, smaller if results would skip pixels of it, and what is to be known of that.
    """
    places = np.ascontiguousarray(with_ring(points)[:, :2], np.float32)
    picture, places = _shrunk(picture, places, zoom)
    return picture, WarpSource(picture.shape[:2], places, np.stack([_facing(points), _INSIDE], 1))


@dataclass(frozen=True, slots=True)
class BackwardMap:
    """Where in a picture the pixels of a laid face come from, in a box (h, w) of the result.

    Attributes:
        box: in pixels of the result.
        x: (h, w) float32, in pixels of the picture; far below 0 where from nowhere.
        y: (h, w) likewise.
        trust: (h, w) float32, 0..1; see :class:`Warped`.
        owners: (h, w) number of the triangle that shows, -1 where there is none.
    """

    box: Box
    x: FloatArray
    y: FloatArray
    trust: FloatArray
    owners: NDArray[np.int16]

    def read(self, picture: Pixels, box: Box | None = None) -> Pixels:
        """What lies at the places of a picture, in its own type: cubic, which may reach beyond its range.

        Args:
            picture: (H, W) or (H, W, C).
            box: part of the map's box that is wanted, in pixels of the result; all of it if None.

        Returns:
            (h, w) or (h, w, C) of that box; 0 at places that come from nowhere.
        """
        part = (box or self.box).moved(-self.box.x0, -self.box.y0).slices
        x, y = self.x[part], self.y[part]
        out = cv2.remap(picture, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
        blank(out.reshape(*x.shape, -1), x)
        return out  # type: ignore[return-value]


def backward_map(source: WarpSource, target: NDArray[np.floating], size: int) -> BackwardMap | None:
    """How a picture's face is to be laid on another mesh, in the box in which it may be trusted.

    Args:
        source: of the picture.
        target: (468, 3) the mesh to lie on, in pixels of the result.
        size: side of the result in pixels.

    Returns:
        None where nothing of the face lies in the result.
    """
    laid = with_ring(target)
    outline = laid[OVAL, :2]
    trusted = laid[:, :2].copy()
    trusted[MESH_POINTS:] = outline + _RIM * (trusted[MESH_POINTS:] - outline)
    box = _box_around(trusted, size)
    return None if box.empty else _map(source, laid.astype(np.float32), box)


def warp_face(
    picture: NDArray[np.float32] | NDArray[np.uint8],
    source: NDArray[np.floating],
    target: NDArray[np.floating],
    size: int,
    normals: bool = False,
) -> Warped:
    """Lay a face's picture on another mesh.

    Args:
        picture: (H, W, C) float32 or uint8; up to four channels.
        source: (468, 3) the face's mesh in the picture's pixels: x to the right, y down, z away from the
            camera in the unit of x; pixel centres lie at whole numbers.
        target: (468, 3) the mesh to lie on, in pixels of the result.
        size: side S of the result in pixels.
        normals: whether to give the laid mesh's normals.
    """
    zoom = _eye_distance(target) / max(_eye_distance(source), 1e-6)
    picture, known = warp_source(picture, source, zoom)
    laid = with_ring(target).astype(np.float32)
    mapped = _map(known, laid, Box(0, 0, size, size))
    out = np.zeros((size, size, picture.shape[2]), np.float32)
    box = _box_around(laid, size)
    if not box.empty:
        part = out[box.slices]
        part[:] = mapped.read(picture, box).reshape(part.shape)
    facing = None
    if normals:
        facing = np.empty((size, size, 3), np.float32)
        interpolate(mapped.owners, mesh_triangles(), laid, _normals(mesh_triangles(), laid), facing)
    return Warped(out, mapped.trust, facing)


@dataclass(frozen=True, slots=True)
class Surface:
    """A face's mesh as its own picture shows it.

    Attributes:
        inside: (S, S) where the face is, without the ring around it.
        depths: (S, S) float32 z there.
        normals: (S, S, 3) float32 outward ones there, in the axes of the points; smooth.
    """

    inside: NDArray[np.bool_]
    depths: FloatArray
    normals: FloatArray


def mesh_surface(points: NDArray[np.floating], size: int) -> Surface:
    """What of a mesh (468, 3) its own picture, ``size`` pixels wide, shows at each pixel."""
    laid = with_ring(points).astype(np.float32)
    turned = _smooth_normals() @ _turn(points).T
    normals = np.concatenate([turned, turned[OVAL]])
    source = WarpSource((size, size), np.ascontiguousarray(laid[:, :2]), np.stack([_INSIDE, _INSIDE], 1))
    owners = _map(source, laid, Box(0, 0, size, size)).owners
    values = np.empty((size, size, 5), np.float32)
    told = np.column_stack([laid[:, 2], normals, _INSIDE]).astype(np.float32)
    interpolate(owners, mesh_triangles(), laid, told, values)
    inside = (owners >= 0) & (values[:, :, 4] > _INNER)
    return Surface(inside, np.ascontiguousarray(values[:, :, 0]), np.ascontiguousarray(values[:, :, 1:4]))


def with_ring(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """(468, 3) mesh points and, after them, the 36 of the ring, in the plane that the face looks out of.

    A rigid motion of the mesh moves the ring alike.
    """
    points = np.asarray(points, np.float64)
    outline = points[OVAL]
    centre = outline.mean(0)
    outward = points[_NOSE_TIP] - centre
    outward /= max(float(np.linalg.norm(outward)), 1e-6)
    away = outline - centre
    return np.concatenate([points, outline + _RING * (away - (away @ outward)[:, None] * outward)])


@cache
def mesh_triangles() -> NDArray[np.int32]:
    """(n, 3) triangles between the points of :func:`with_ring`, clockwise as the front shows them.

    Delaunay's, over the mean face seen from the front.
    """
    # Whole steps: what OpenCV hands back is then exactly what it was given.
    front = np.rint(with_ring(mean_face())[:, :2] * 4096) + 32768
    numbers = {(float(x), float(y)): number for number, (x, y) in enumerate(front)}
    plane = cv2.Subdiv2D((0, 0, 65536, 65536))
    for x, y in numbers:
        plane.insert((x, y))
    corners = np.asarray(plane.getTriangleList(), np.float64).reshape(-1, 3, 2)
    found = [[numbers.get((float(x), float(y)), -1) for x, y in each] for each in corners]
    # OpenCV's list has triangles with its own three far corners, too.
    triangles = np.array([each for each in found if min(each) >= 0], np.int32)
    a, b, c = (front[triangles[:, corner]] for corner in range(3))
    turned = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) < (b[:, 1] - a[:, 1]) * (c[:, 0] - a[:, 0])
    triangles[turned] = triangles[turned][:, [0, 2, 1]]
    return triangles


@cache
def _crossing() -> NDArray[np.bool_]:
    """(n,) which triangles lie between lips."""
    return np.asarray(np.isin(mesh_triangles(), _LIPS).all(1))


def warm_up() -> None:
    """Compile (or load from numba's cache) what :func:`warp_face` runs."""
    points = 8 * (mean_face() + np.array([1.7, 1.2, 0.0]))
    warp_face(np.zeros((28, 28, 3), np.uint8), points, points, 28, normals=True)


def _eye_distance(points: NDArray[np.floating]) -> float:
    left, right = (np.asarray(points[list(corners)], np.float64).mean(0) for corners in _EYES)
    return float(np.linalg.norm(left - right))


@cache
def _smooth_normals() -> NDArray[np.float64]:
    """(468, 3) outward normals of the mean face without its creases, in the axes of its points."""
    triangles = mesh_triangles()
    inner = triangles[(triangles < MESH_POINTS).all(1)]
    normals = _normals(inner, mean_face().astype(np.float32)) * np.array((1.0, 1.0, -1.0))
    for _ in range(_SMOOTHINGS):
        around = np.zeros_like(normals)
        for corner in range(3):
            np.add.at(around, inner[:, corner], normals[inner].sum(1))
        normals = around / np.linalg.norm(around, axis=1, keepdims=True)
    return np.asarray(normals)


def _facing(points: NDArray[np.floating]) -> FloatArray:
    """(504,) how squarely the camera sees each point of a mesh (468, 3) and of its ring, 0..1.

    Of the mean face, turned as the mesh is: a mesh's own normals are too rough to tell.
    """
    towards = -_smooth_normals() @ _turn(points)[2]
    facing = np.clip((towards - _GRAZING) / (_SQUARE - _GRAZING), 0, 1)
    return np.concatenate([facing, facing[OVAL]]).astype(np.float32)


def _turn(points: NDArray[np.floating]) -> NDArray[np.float64]:
    """(3, 3) rotation from the mean face to a mesh (468, 3).

    Method: Umeyama, "Least-Squares Estimation of Transformation Parameters", 1991.
    """
    mean = mean_face()
    left, _, right = np.linalg.svd((points - points.mean(0)).T @ (mean - mean.mean(0)))
    left[:, 2] *= np.linalg.det(left @ right)
    return np.asarray(left @ right)


def _shrunk(
    picture: NDArray[np.float32] | NDArray[np.uint8], points: FloatArray, zoom: float
) -> tuple[NDArray[np.float32] | NDArray[np.uint8], FloatArray]:
    """The picture, halved until ``zoom`` shrinks it no further than is good, and the points (n, 2) in it."""
    places = points
    while zoom < _LEAST_ZOOM and min(picture.shape[:2]) > 1:
        height, width = picture.shape[:2]
        half = (max(1, width // 2), max(1, height // 2))
        share = np.array((half[0] / width, half[1] / height), np.float32)
        places = np.asarray((places + 0.5) * share - 0.5, np.float32)
        picture = cv2.resize(picture, half, interpolation=cv2.INTER_AREA)  # type: ignore[assignment]
        zoom *= 2
    return picture, np.ascontiguousarray(places, np.float32)


def _map(source: WarpSource, laid: FloatArray, box: Box) -> BackwardMap:
    """How a picture is laid on points (504, 3)."""
    height, width = box.y1 - box.y0, box.x1 - box.x0
    x, y, trust = (np.empty((height, width), np.float32) for _ in range(3))
    owners = np.empty((height, width), np.int16)
    values = np.column_stack([laid[:, 2], source.places, source.shares])
    draw_triangles(
        mesh_triangles(), _crossing(), laid, values, _RIM, source.shape, box[:2], x, y, trust, owners
    )
    return BackwardMap(box, x, y, trust, owners)


def _box_around(points: NDArray[np.floating], size: int) -> Box:
    """The box of all pixels between points (n, 2 or more) that a result of a side has."""
    low = np.floor(points[:, :2].min(0)).clip(0, size)
    high = np.ceil(points[:, :2].max(0) + 1).clip(0, size)
    return Box(int(low[0]), int(low[1]), int(high[0]), int(high[1]))


@numba.njit(nogil=True, cache=True, fastmath=True)
def _normals(triangles: Any, points: Any) -> Any:
    """(n, 3) unit normals of points (n, 3): right, down and towards the camera, which z leads away from."""
    normals = np.zeros((points.shape[0], 3), np.float32)
    for number in range(triangles.shape[0]):
        i, j, k = triangles[number, 0], triangles[number, 1], triangles[number, 2]
        ax, ay, az = points[j, 0] - points[i, 0], points[j, 1] - points[i, 1], points[j, 2] - points[i, 2]
        bx, by, bz = points[k, 0] - points[i, 0], points[k, 1] - points[i, 1], points[k, 2] - points[i, 2]
        x, y, z = ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx
        for corner in (i, j, k):
            # Clockwise in a picture whose y goes down, the product points away from the camera.
            normals[corner, 0] -= x
            normals[corner, 1] -= y
            normals[corner, 2] += z
    for corner in range(points.shape[0]):
        x, y, z = normals[corner, 0], normals[corner, 1], normals[corner, 2]
        length = max(np.sqrt(x * x + y * y + z * z), np.float32(1e-9))
        for axis in range(3):
            normals[corner, axis] /= length
    return normals
