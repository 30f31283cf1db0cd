"""Photo shards made small for the way to a machine that nothing but one upload reaches, and unpacked there.

python tools/gpu/faces.py pack SHARDS FILE --mib 48
python tools/gpu/faces.py unpack FILE SHARDS

What travels: WebP pictures in a row, and of their notes the mesh and the source. A mesh is told as what it
differs from the mean face, moved and stretched to it: small numbers, which pack well.
"""

from __future__ import annotations

import base64
import io
import json
import lzma
import os
import struct
import sys
import tarfile
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import click
import cv2
import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parents[2]))
from stream_unmask.faces.alignment import mean_face
from trainer.data import Photo, held_out_sets, read_photos, training_sets

_QUALITY, _ON_ARRIVAL = 80, 97
"""Of the WebP that travels, and of the JPEG that it becomes, which decodes in half the time."""

_HELD_OUT_EACH = 40
_LAST = "extra_ai"
_NOTES = 580
"""Bytes that the notes of a photo take, as good as: measured."""

_STEP = 4
"""Steps of a mesh in a pixel."""

Mesh = NDArray[np.int16]


@click.group()
def main() -> None:
    """Take photo shards on the way and unpack them there."""


@main.command()
@click.argument("shards", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--mib", type=float, required=True, help="What the file may measure.")
@click.option("--limit", type=int, help="Photos at most, for a rehearsal.")
def pack(shards: Path, file: Path, mib: float, limit: int | None) -> None:
    """Write as many photos as fit: some of each held-out set, then of the sets to learn from, in order."""
    pictures: list[bytes] = []
    about: list[tuple[str, str, str, int]] = []
    meshes: list[NDArray[np.int16]] = []
    used = 0
    for photo in _in_order(shards):
        if len(about) == limit:
            break
        bgr = cv2.cvtColor(photo.picture(), cv2.COLOR_RGB2BGR)
        webp = cv2.imencode(".webp", bgr, [cv2.IMWRITE_WEBP_QUALITY, _QUALITY])[1].tobytes()
        used += len(webp) + _NOTES
        if used > mib * 2**20:
            break
        pictures.append(webp)
        about.append((photo.set, photo.key, photo.source, len(webp)))
        meshes.append(np.rint(photo.points * _STEP).astype(np.int16))
    notes = lzma.compress(json.dumps(about).encode() + b"\0" + _told(np.stack(meshes)))
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(struct.pack("<Q", len(notes)) + notes + b"".join(pictures))
    click.echo(f"{file}: {file.stat().st_size / 2**20:.1f} MiB, {dict(Counter(each[0] for each in about))}")


@main.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.argument("shards", type=click.Path(path_type=Path, file_okay=False))
def unpack(file: Path, shards: Path) -> None:
    """Write a shard for each set."""
    data = file.read_bytes()
    (length,) = struct.unpack_from("<Q", data)
    about, _, rest = lzma.decompress(data[8 : 8 + length]).partition(b"\0")
    named = json.loads(about)
    meshes = _read(rest, len(named))
    ends = np.cumsum([each[3] for each in named]) + 8 + length
    coded = [data[end - each[3] : end] for end, each in zip(ends.tolist(), named, strict=True)]
    shards.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        jpegs = list(pool.map(_jpeg, coded, chunksize=64))
    samples = list(zip(named, jpegs, meshes, strict=True))
    for name in dict.fromkeys(each[0] for each in named):
        with tarfile.open(shards / f"{name}-000.tar", "w") as shard:
            for (here, key, source, _), jpeg, mesh in samples:
                if here == name:
                    raw = np.ascontiguousarray(mesh.T).astype("<i2").tobytes()
                    notes = {"lm": base64.b64encode(zlib.compress(raw, 1)).decode(), "set": source}
                    _add(shard, f"{key}.jpg", jpeg)
                    _add(shard, f"{key}.json", json.dumps(notes).encode())
    click.echo(f"{len(named)} photos unpacked to {shards}.")


def _in_order(shards: Path) -> Iterator[Photo]:
    chance = np.random.default_rng(0)
    for name in held_out_sets(shards):
        yield from read_photos(shards, [name])[:_HELD_OUT_EACH]
    # Some of every set, so that each gives its share of what fits; but the largest, frontal one comes last.
    names = training_sets(shards)
    for some in ([name for name in names if name != _LAST], [name for name in names if name == _LAST]):
        photos = read_photos(shards, some) if some else []
        yield from (photos[number] for number in chance.permutation(len(photos)))


def _jpeg(webp: bytes) -> bytes:
    picture = cv2.imdecode(np.frombuffer(webp, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, _ON_ARRIVAL])[1].tobytes()


def _add(shard: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    shard.addfile(info, io.BytesIO(data))


def _basis() -> NDArray[np.float64]:
    return np.concatenate([mean_face(), np.ones((len(mean_face()), 1))], 1)


def _told(meshes: Mesh) -> bytes:
    """(n, 468, 2) meshes as bytes: the mean face's motion for each, and what is left."""
    ways = np.linalg.lstsq(_basis(), np.moveaxis(meshes, 0, 1).reshape(len(_basis()), -1), rcond=None)[0]
    ways = ways.astype(np.float32)
    rest = np.moveaxis(meshes, 0, 1).reshape(len(_basis()), -1) - _laid(ways)
    return ways.tobytes() + _split(rest.astype(np.int16))


def _read(data: bytes, count: int) -> Mesh:
    size = 4 * 2 * count * 4
    ways = np.frombuffer(data[:size], np.float32).reshape(4, -1)
    halves = np.frombuffer(data[size:], np.uint8).reshape(2, -1)
    rest = (halves[0].astype(np.uint16) | (halves[1].astype(np.uint16) << 8)).view(np.int16)
    meshes = rest.reshape(len(_basis()), -1) + _laid(ways)
    return np.moveaxis(meshes.reshape(len(_basis()), count, 2), 1, 0).astype(np.int16)


def _laid(ways: NDArray[np.float32]) -> NDArray[np.int32]:
    return np.rint(np.round(_basis() @ ways.astype(np.float64), 3)).astype(np.int32)


def _split(values: Mesh) -> bytes:
    """All low bytes, then all high ones."""
    raw: NDArray[Any] = values.astype("<u2")
    return (raw & 255).astype(np.uint8).tobytes() + (raw >> 8).astype(np.uint8).tobytes()


if __name__ == "__main__":
    main()
