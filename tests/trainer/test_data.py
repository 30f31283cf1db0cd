"""Shards are read whole, or refused in a sentence."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from stream_unmask.cli.data import data
from stream_unmask.errors import UnmaskError
from stream_unmask.video.images import read_image
from trainer.data import held_out_sets, read_photos, training_sets


def test_photos_come_with_picture_and_mesh(shards: Path) -> None:
    photos = read_photos(shards, training_sets(shards))
    assert [photo.set for photo in photos] == ["core", "diverse", "extra_ai", "extra_nc"]
    assert photos[0].picture().shape == (256, 256, 3)
    assert photos[0].points.shape == (468, 2)
    # The chin lies below the nose, below the brow.
    assert photos[0].points[152, 1] > photos[0].points[4, 1] > photos[0].points[9, 1]


def test_missing_set_is_named(shards: Path) -> None:
    with pytest.raises(UnmaskError, match="'nobody'.*there are: core, diverse"):
        read_photos(shards, ["nobody"])
    with pytest.raises(UnmaskError, match="no shards of photos to train on") as caught:
        read_photos(shards / "nowhere", training_sets(shards / "nowhere"))
    assert caught.value.hint == "stream-unmask data pack"


def test_sets_of_ones_own_are_known_by_their_shards(shards: Path, tmp_path: Path) -> None:
    for name in (
        "zoe-000",
        "zoe-2-000",
        "zoe-2-001",
        "diverse-000",
        "core-000",
        "val_zoe-000",
        "val_core-000",
    ):
        (tmp_path / f"{name}.tar").symlink_to(shards / "core-000.tar")
    (tmp_path / "notes.tar").write_bytes(b"no shard")
    assert training_sets(tmp_path) == ["core", "diverse", "zoe", "zoe-2"]
    assert held_out_sets(tmp_path) == ["val_core", "val_zoe"]
    assert [len(read_photos(tmp_path, [name])) for name in ("zoe", "zoe-2")] == [1, 2]


def test_shards_made_elsewhere_are_read(shards: Path, tmp_path: Path) -> None:
    with tarfile.open(shards / "core-000.tar") as shard:
        jpeg, mesh = (shard.extractfile(f"000000.{kind}").read() for kind in ("jpg", "json"))  # type: ignore[union-attr]
    with tarfile.open(tmp_path / "web-000007.tar", "w") as shard:
        for name, content in (("a.cls", b"3"), ("a.JSON", mesh), ("a.JPEG", jpeg), ("a.txt", b"hello")):
            entry = tarfile.TarInfo(f"./part/{name}")
            entry.size = len(content)
            shard.addfile(entry, io.BytesIO(content))
    (photo,) = read_photos(tmp_path, training_sets(tmp_path))
    assert photo.points.shape == (468, 2)
    assert photo.picture().shape == (256, 256, 3)


def test_shards_without_meshes_are_refused(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "real-000.tar", "w") as shard:
        entry = tarfile.TarInfo("a.json")
        entry.size = 2
        shard.addfile(entry, io.BytesIO(b"{}"))
    with pytest.raises(UnmaskError, match=r"real-000\.tar .*'lm'"):
        read_photos(tmp_path, ["real"])


def test_damaged_shard_is_named(shards: Path, tmp_path: Path) -> None:
    whole = (shards / "core-000.tar").read_bytes()
    (tmp_path / "core-000.tar").write_bytes(whole[: len(whole) // 3])
    with pytest.raises(UnmaskError, match=r"core-000\.tar"):
        read_photos(tmp_path, ["core"])


def test_pairs_are_written_under_one_name_and_kept_when_run_again(shards: Path, tmp_path: Path) -> None:
    arguments = ["pairs", str(shards), "-o", str(tmp_path), "--count", "3", "--size", "64"]
    done = CliRunner().invoke(data, arguments, catch_exceptions=False)
    assert "3 pairs, 3 of them new" in done.output
    for name in ("masked", "unmasked", "mask"):
        assert sorted(path.name for path in (tmp_path / name).iterdir()) == [f"{n:06d}.png" for n in range(3)]
    masked, bare, mask = (
        read_image(tmp_path / name / "000001.png").pixels.astype(int)
        for name in ("masked", "unmasked", "mask")
    )
    apart, inside = np.abs(masked - bare).mean(2), mask[..., 0] > 200
    assert inside.mean() > 0.03
    assert apart[inside].mean() > 10 * max(apart[mask[..., 0] == 0].mean(), 0.1)
    (tmp_path / "mask" / "000002.png").unlink()
    again = CliRunner().invoke(data, arguments, catch_exceptions=False)
    assert "1 of them new" in again.output
