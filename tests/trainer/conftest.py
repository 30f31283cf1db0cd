"""A tiny set of photos: one public-domain face, with mesh points fitted by hand."""

from __future__ import annotations

import base64
import io
import json
import tarfile
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from skimage.data import astronaut

from stream_unmask.faces.alignment import mean_face
from trainer.data import Photo, read_photos

_EYES = (115.5, 91.5)
_EYE_DISTANCE = 80.0


def _face() -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """(256, 256, 3) RGB picture of a face and its (468, 2) mesh points, roughly."""
    corner, side = (160, 50), 144
    photo: NDArray[np.uint8] = astronaut()  # type: ignore[no-untyped-call]
    cut = photo[corner[1] : corner[1] + side, corner[0] : corner[0] + side]
    picture = np.asarray(cv2.resize(cut, (256, 256), interpolation=cv2.INTER_CUBIC), np.uint8)
    points = mean_face()[:, :2] * _EYE_DISTANCE + _EYES
    return picture, points.astype(np.float32)


def _write_shard(path: Path, count: int) -> None:
    picture, points = _face()
    _, jpeg = cv2.imencode(".jpg", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    raw = np.round(points * 4).astype("<i2").T.tobytes()
    mesh = json.dumps({"lm": base64.b64encode(zlib.compress(raw)).decode()}).encode()
    with tarfile.open(path, "w") as shard:
        for number in range(count):
            for name, data in ((f"{number:06d}.jpg", jpeg.tobytes()), (f"{number:06d}.json", mesh)):
                entry = tarfile.TarInfo(name)
                entry.size = len(data)
                shard.addfile(entry, io.BytesIO(data))


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a shard of every set."""
    folder = tmp_path_factory.mktemp("shards")
    for name in ("core", "extra_ai", "diverse", "extra_nc"):
        _write_shard(folder / f"{name}-000.tar", 1)
        _write_shard(folder / f"val_{name}-000.tar", 2)
    return folder


@pytest.fixture(scope="session")
def photos(shards: Path) -> list[Photo]:
    """Two photos of one face."""
    return read_photos(shards, ["val_core"])


@pytest.fixture
def rng() -> Callable[[int], np.random.Generator]:
    """Chance by seed."""
    return np.random.default_rng
