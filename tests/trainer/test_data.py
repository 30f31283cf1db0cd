"""Shards are read whole, or refused in a sentence."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from stream_unmask.errors import UnmaskError
from stream_unmask.video.images import read_image
from trainer.data import TRAINING_SETS, read_photos
from trainer.packing.cli import data


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


def test_pairs_are_written_under_one_name_and_kept_when_run_again(shards: Path, tmp_path: Path) -> None:
    arguments = ["synth", str(shards), "-o", str(tmp_path), "--count", "3", "--size", "64"]
    done = CliRunner().invoke(data, arguments, catch_exceptions=False)
    assert "3 pairs, 3 of them new" in done.output
    for name in ("masked", "unmasked", "map"):
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == [f"{n:06d}.png" for n in range(3)]
    masked, bare, map_ = (
        read_image(tmp_path / name / "000001.png").pixels.astype(int)
        for name in ("masked", "unmasked", "map")
    )
    apart, inside = np.abs(masked - bare).mean(2), map_[..., 0] > 200
    assert inside.mean() > 0.03
    assert apart[inside].mean() > 10 * max(apart[map_[..., 0] == 0].mean(), 0.1)
    (tmp_path / "map" / "000002.png").unlink()
    again = CliRunner().invoke(data, arguments, catch_exceptions=False)
    assert "1 of them new" in again.output
