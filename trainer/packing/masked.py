"""Photos with masks drawn on all their faces, for whoever wants nothing but those."""

from __future__ import annotations

import json
import zlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError
from stream_unmask.faces.mesh import Mesh
from stream_unmask.output.pictures import write_image
from stream_unmask.synth.photos import wear_in_photo
from stream_unmask.synth.style import ANY, MaskStyle
from stream_unmask.video.files import is_image
from stream_unmask.whole import write_whole
from trainer.packing.finding import FaceFinder, read_photo

Bytes = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Synthesised:
    """What came of a folder.

    Attributes:
        made: pictures made in this run.
        kept: pictures that were there already.
        left_out: photos in which no face was found, or that cannot be read.
    """

    made: int
    kept: int
    left_out: tuple[str, ...]


def mask_photos(
    folder: Path,
    output: Path,
    *,
    count: int = 1,
    seed: int = 0,
    style: MaskStyle = ANY,
    suffix: str = ".png",
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> Synthesised:
    """Draw masks on every face of every photo in a folder and in the folders in it.

    ``photo.jpg`` becomes ``photo-0.png`` with masks on, ``photo-0.mask.png`` (255 where masks are) and
    ``photo-0.json`` with the kind, the way of wearing and the box of each mask; then ``photo-1``, and so on.
    Pictures whose JSON is there already stay, so that an interrupted run goes on where it stopped. The masks
    of a picture hang on the seed, the photo's name and the number alone.

    Args:
        folder: of photos.
        output: folder for what is made, of the same inner folders; made where it is missing.
        count: pictures made of each photo.
        seed: of all chance.
        style: what of the masks is not left to chance.
        suffix: of the pictures, ``.png`` or ``.jpg``.
        progress: told how many photos are done, of how many.

    Raises:
        UnmaskError: there are no photos, or the disk takes no more.
    """
    photos = _named(folder, output)
    finder, made, left_out = FaceFinder(), 0, []
    for number, (name, path) in enumerate(photos.items(), 1):
        progress(number, len(photos))
        takes = [take for take in range(count) if not (output / f"{name}-{take}.json").exists()]
        photo, meshes = _faces(path, finder) if takes else (None, [])
        if photo is None or not meshes:
            left_out += [name] if takes else []
            continue
        for take in takes:
            rng = np.random.default_rng((seed, zlib.crc32(name.encode()), take))
            _write(output / f"{name}-{take}", suffix, _masked(photo, meshes, rng, style))
            made += 1
    return Synthesised(made, count * (len(photos) - len(left_out)) - made, tuple(left_out))


def _named(folder: Path, output: Path) -> dict[str, Path]:
    """The photos by the names that what is made of them begins with."""
    inside = output.resolve()
    paths = sorted(path for path in folder.rglob("*") if is_image(path) and path.is_file())
    paths = [path for path in paths if not path.resolve().is_relative_to(inside)]
    if not paths:
        raise UnmaskError(f"No photos lie in {folder}.", path=folder)
    bare = [path.relative_to(folder).with_suffix("") for path in paths]
    often = Counter(bare)
    # a.jpg and a.png side by side keep their suffixes.
    return {
        (name if often[name] == 1 else path.relative_to(folder)).as_posix(): path
        for name, path in zip(bare, paths, strict=True)
    }


def _faces(path: Path, finder: FaceFinder) -> tuple[Bytes | None, list[Mesh]]:
    """A photo and the meshes of its faces; no photo where it cannot be read."""
    try:
        photo = read_photo(path)
    except UnmaskError:
        return None, []
    return photo, [face.mesh for face in finder.find(photo)]


@dataclass(frozen=True, slots=True)
class _Masked:
    """A photo with masks on: picture, mask, and what there is to say of each mask."""

    picture: Bytes
    mask: Bytes
    faces: list[dict[str, object]]


def _masked(photo: Bytes, meshes: Sequence[Mesh], rng: np.random.Generator, style: MaskStyle) -> _Masked:
    picture, mask = photo, np.zeros(photo.shape[:2], np.uint8)
    faces: list[dict[str, object]] = []
    # The largest last: it is the nearest.
    for mesh in reversed(meshes):
        worn = wear_in_photo(picture, mesh.points, rng, style)
        picture, mask = worn.picture, np.maximum(mask, worn.mask)
        x, y, width, height = cv2.boundingRect(worn.mask)
        faces.append({"kind": worn.kind, "worn": worn.worn, "box": [x, y, x + width, y + height]})
    return _Masked(picture, mask, faces)


def _write(stem: Path, suffix: str, masked: _Masked) -> None:
    notes = json.dumps({"faces": masked.faces})
    try:
        stem.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnmaskError(f"{stem.parent} cannot be made: {error.strerror}.") from error
    write_image(stem.with_name(stem.name + suffix), masked.picture, overwrite=True)
    # A mask is grey: three times the bytes would say no more.
    _, coded = cv2.imencode(".png", masked.mask)
    write_whole(stem.with_name(stem.name + ".mask.png"), coded.tobytes())
    write_whole(stem.with_name(stem.name + ".json"), notes.encode())
