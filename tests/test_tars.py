"""Shards of others are data: nothing in them reaches the disk, follows a link, or fills the memory."""

from __future__ import annotations

import gzip
import io
import tarfile
import zlib
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest

from stream_unmask import tars
from stream_unmask.errors import UnmaskError
from stream_unmask.tars import inflated, mapped_members, members

Reader = Callable[[Path], Iterable[tuple[str, bytes | np.ndarray]]]

either = pytest.mark.parametrize("read", [members, mapped_members])


def shard(path: Path, *entries: tuple[tarfile.TarInfo, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for entry, data in entries:
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


def link(name: str, target: str, kind: bytes = tarfile.SYMTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.type, entry.linkname = kind, target
    return entry


@either
def test_files_come_in_order_whatever_their_names_say(tmp_path: Path, read: Reader) -> None:
    names = ["a.jpg", "../../b.jpg", "/etc/passwd"]
    path = shard(tmp_path / "a-000.tar", *((tarfile.TarInfo(name), b"data") for name in names))
    before = sorted(tmp_path.rglob("*"))
    assert [(name, bytes(data)) for name, data in read(path)] == [(name, b"data") for name in names]
    assert sorted(tmp_path.rglob("*")) == before


@either
def test_links_are_passed_over(tmp_path: Path, read: Reader) -> None:
    path = shard(
        tmp_path / "a-000.tar",
        (link("a.json", "/etc/passwd"), b""),
        (link("b.json", "/etc/passwd", tarfile.LNKTYPE), b""),
        (tarfile.TarInfo("c.json"), b"{}"),
    )
    assert [name for name, _ in read(path)] == ["c.json"]


@either
def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, read: Reader, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tars, "MOST_BYTES", 1000)
    path = shard(tmp_path / "a-000.tar", (tarfile.TarInfo("a.jpg"), bytes(1001)))
    with pytest.raises(UnmaskError, match=r"'a\.jpg' in it"):
        list(read(path))


@either
def test_a_compressed_shard_is_none(tmp_path: Path, read: Reader) -> None:
    plain = shard(tmp_path / "plain.tar", (tarfile.TarInfo("a.jpg"), bytes(100_000)))
    (tmp_path / "a-000.tar").write_bytes(gzip.compress(plain.read_bytes()))
    with pytest.raises(tarfile.TarError):
        list(read(tmp_path / "a-000.tar"))


def test_contents_stay_in_the_file_as_long_as_they_are_held(tmp_path: Path) -> None:
    path = shard(tmp_path / "a-000.tar", (tarfile.TarInfo("a.jpg"), b"some picture"))
    ((_, data),) = mapped_members(path)
    assert str(path) in Path("/proc/self/maps").read_text()
    path.unlink()
    assert bytes(data) == b"some picture"
    with pytest.raises(ValueError, match="read-only"):
        data[0] = 0


def test_a_shard_that_is_cut_off_is_damaged(tmp_path: Path) -> None:
    path = shard(tmp_path / "a-000.tar", (tarfile.TarInfo("a.jpg"), bytes(5000)))
    path.write_bytes(path.read_bytes()[:3000])
    with pytest.raises(tarfile.TarError):
        list(mapped_members(path))


def test_packed_data_have_a_bound() -> None:
    assert inflated(zlib.compress(bytes(1000)), 1000) == bytes(1000)
    with pytest.raises(ValueError, match="more than 1000 bytes"):
        inflated(zlib.compress(bytes(10**6)), 1000)
    with pytest.raises(ValueError, match="cut off"):
        inflated(zlib.compress(bytes(1000))[:-6], 1000)
