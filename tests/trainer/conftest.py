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

from tests.support.portrait import portrait
from trainer.data import Photo, read_photos


def _write_shard(path: Path, count: int) -> None:
    picture, points = portrait()
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
