"""Shards are read whole, or refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream_unmask.errors import UnmaskError
from trainer.data import TRAINING_SETS, read_photos


def test_photos_come_with_picture_and_mesh(shards: Path) -> None:
    photos = read_photos(shards, list(TRAINING_SETS))
    assert [photo.set for photo in photos] == list(TRAINING_SETS)
    assert photos[0].picture().shape == (256, 256, 3)
    assert photos[0].points.shape == (468, 2)
    # The chin lies below the nose, below the brow.
    assert photos[0].points[152, 1] > photos[0].points[4, 1] > photos[0].points[9, 1]


def test_missing_set_is_named(shards: Path) -> None:
    with pytest.raises(UnmaskError, match="'nobody'"):
        read_photos(shards, ["nobody"])


def test_damaged_shard_is_named(shards: Path, tmp_path: Path) -> None:
    whole = (shards / "core-000.tar").read_bytes()
    (tmp_path / "core-000.tar").write_bytes(whole[: len(whole) // 3])
    with pytest.raises(UnmaskError, match=r"core-000\.tar"):
        read_photos(tmp_path, ["core"])
