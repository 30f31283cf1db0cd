"""Photos of people who really wear masks: there is no truth, but the product can be asked twice."""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError
from stream_unmask.tars import members

# The product itself is imported where it is run: training needs neither its engines nor its codecs.
if TYPE_CHECKING:
    from stream_unmask.inpainting.face import UnmaskedFace
    from stream_unmask.networks import Networks
    from stream_unmask.video.frame import Frame

Bytes = NDArray[np.uint8]
Box = tuple[float, float, float, float]

_SUFFIXES = (".jpg", ".jpeg", ".png", ".webp")
_SHOWN = 24
_SHEET_SIDE = 192


@dataclass(frozen=True, slots=True)
class RealScore:
    """What the product does to real masks.

    Attributes:
        photos: how many.
        faces: masked faces that the photos' notes, or else the face detector, say are there.
        found: share of them on which a mask was found.
        gone: share of the found ones on whose unmasked picture no mask is found any more.
        still: share of the found ones whose unmasked picture still shows the detector a face.
    """

    photos: int
    faces: int
    found: float
    gone: float
    still: float


@dataclass(frozen=True, slots=True)
class RealPhoto:
    """One photo: RGB pixels (H, W, 3) and the x0, y0, x1, y1 of its masked faces, if they were noted."""

    picture: Bytes
    boxes: tuple[Box, ...]


def read_real(source: Path, limit: int | None = None) -> list[RealPhoto]:
    """Photos of a folder, or of a tar shard with ``<key>.json`` beside ``<key>.jpg``.

    The notes are ``boxes`` (class, x0, y0, x1, y1), of which those called ``with_mask`` count, or ``det``
    (x, y, w, h).

    Raises:
        UnmaskError: there is no photo.
    """
    photos = []
    for data, notes in _from_tar(source) if source.is_file() else _from_folder(source):
        decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if decoded is not None:
            picture = np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)
            photos.append(RealPhoto(picture, _boxes(notes)))
        if len(photos) == limit:
            break
    if not photos:
        raise UnmaskError(f"There is no photo in {source}.", path=source)
    return photos


def score_real(weights: Path, photos: Iterable[RealPhoto], threads: int = 2) -> tuple[RealScore, Bytes]:
    """Unmask the photos with a folder of weights, look again, and draw the first ones before and after.

    Raises:
        EngineError: the weights are incomplete or damaged.
    """
    from stream_unmask.networks import Networks
    from stream_unmask.pipeline import Stream
    from stream_unmask.settings import Settings
    from stream_unmask.video.images import as_frame

    settings = Settings(weights=weights, threads=threads)
    networks = Networks.load(settings)
    looked_at, counts = 0, np.zeros(4, np.int64)
    rows: list[Bytes] = []
    for photo in photos:
        frame = as_frame(photo.picture)
        boxes = photo.boxes or _detected(networks, frame)
        worn = Stream(networks, settings, still=True).process(frame)
        found = [box for box in boxes if _any_in(box, worn)]
        again = as_frame(_pixels(frame))
        seen = _detected(networks, again)
        left = Stream(networks, settings, still=True).process(again)
        gone = sum(not _any_in(box, left) for box in found)
        still = sum(any(_same(box, other) for other in seen) for box in found)
        counts += (len(boxes), len(found), gone, still)
        looked_at += 1
        if worn and len(rows) < _SHOWN:
            rows.append(_row(photo.picture, _pixels(frame), worn[0]))
    faces, found_all, gone_all, still_all = (int(count) for count in counts)
    share = max(found_all, 1)
    result = RealScore(looked_at, faces, found_all / max(faces, 1), gone_all / share, still_all / share)
    return result, np.vstack(rows) if rows else np.zeros((1, 1, 3), np.uint8)


def _from_folder(folder: Path) -> Iterator[tuple[bytes, dict[str, object]]]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in _SUFFIXES:
            yield path.read_bytes(), {}


def _from_tar(path: Path) -> Iterator[tuple[bytes, dict[str, object]]]:
    pictures: dict[str, bytes] = {}
    notes: dict[str, dict[str, object]] = {}
    try:
        for member, data in members(path):
            key, _, kind = member.rpartition(".")
            if f".{kind.lower()}" in _SUFFIXES:
                pictures[key] = data
            elif kind == "json":
                with suppress(ValueError, RecursionError):
                    notes[key] = json.loads(data)
    except (tarfile.TarError, OSError) as error:
        raise UnmaskError(f"{path} is not a whole tar file.", path=path) from error
    for key, data in pictures.items():
        yield data, notes.get(key, {})


def _boxes(notes: dict[str, object]) -> tuple[Box, ...]:
    noted, detected = notes.get("boxes"), notes.get("det")
    if isinstance(noted, list) and noted:
        return tuple((x0, y0, x1, y1) for kind, x0, y0, x1, y1 in noted if kind == "with_mask")
    if isinstance(detected, list):
        return tuple((x, y, x + width, y + height) for x, y, width, height in detected)
    return ()


def _detected(networks: Networks, frame: Frame) -> tuple[Box, ...]:
    from stream_unmask.video.thumbnail import Thumbnailer

    found = networks.detector.detect(Thumbnailer().shrink(frame))
    return tuple((x0, y0, x1, y1) for x0, y0, x1, y1 in found.boxes.tolist())


def _any_in(box: Box, faces: Sequence[UnmaskedFace]) -> bool:
    """Whether the crop of one of the faces is centred in a box."""
    for face in faces:
        matrix = face.alignment.matrix
        middle = np.full(2, (face.alignment.size - 1) / 2)
        x, y = np.linalg.solve(matrix[:, :2], middle - matrix[:, 2])
        if box[0] <= x <= box[2] and box[1] <= y <= box[3]:
            return True
    return False


def _same(one: Box, other: Box) -> bool:
    """Whether two boxes overlap by a third of what both cover."""
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    both = max(0.0, width) * max(0.0, height)
    areas = sum((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return both > (areas - both) / 3


def _pixels(frame: Frame) -> Bytes:
    return np.asarray(frame.picture.to_ndarray(format="rgb24"), np.uint8)


def _row(before: Bytes, after: Bytes, face: UnmaskedFace) -> Bytes:
    """A face before, its mask, and after, side by side."""
    matrix = face.alignment.matrix * (_SHEET_SIDE / face.alignment.size)
    sides = (_SHEET_SIDE, _SHEET_SIDE)
    mask = cv2.resize((face.mask * 255).astype(np.uint8), sides, interpolation=cv2.INTER_AREA)
    cut = [cv2.warpAffine(each, matrix, sides, flags=cv2.INTER_AREA) for each in (before, after)]
    return np.asarray(np.hstack([cut[0], cv2.merge([mask] * 3), cut[1]]), np.uint8)
