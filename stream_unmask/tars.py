"""Reading tar shards of others: what is in one is data, and never more than fits into memory."""

from __future__ import annotations

import mmap
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from stream_unmask.errors import UnmaskError

MOST_BYTES = 64 * 2**20
"""Of a file in a shard: pictures of faces and their notes are far smaller."""


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of a shard's files, in order. Nothing is unpacked to disk, whatever the names say.

    A compressed shard, which may unpack to any size, is none.

    Args:
        path: an uncompressed tar file.

    Raises:
        UnmaskError: a file in it is too large.
        tarfile.TarError: it is no tar file, or damaged.
        OSError: it cannot be read.
    """
    with tarfile.open(path, "r:") as shard:
        for member in plain_files(shard, path):
            file = shard.extractfile(member)
            if file is not None:
                yield member.name, file.read()


def mapped_members(path: Path) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """As :func:`members`, but the contents stay in the file: all processes of a machine share what was read.

    The file must not be changed or cut as long as any of them is held; it may be deleted or replaced.

    Raises:
        UnmaskError: a file in it is too large.
        tarfile.TarError: it is no tar file, or damaged.
        ValueError: it is empty.
        OSError: it cannot be read.
    """
    with path.open("rb") as file, tarfile.open(fileobj=file, mode="r:") as shard:
        whole = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        # At once and in order: read where they are drawn, photos on a network's disk would come one by one.
        whole.madvise(mmap.MADV_WILLNEED)
        content = np.frombuffer(whole, np.uint8)
        for member in plain_files(shard, path):
            data = content[member.offset_data : member.offset_data + member.size]
            if len(data) < member.size:
                raise tarfile.ReadError("unexpected end of data")
            yield member.name, data


def plain_files(shard: tarfile.TarFile, path: Path) -> Iterator[tarfile.TarInfo]:
    """The files of a shard: without links, devices, and files with holes, which may claim any size.

    Raises:
        UnmaskError: a file in it is too large.
    """
    for member in shard:
        if not member.isreg() or member.issparse():
            continue
        if member.size > MOST_BYTES:
            size = member.size / 2**20
            raise UnmaskError(
                f"Shard {path} is refused: {member.name!r} in it has {size:.0f} MiB.", path=path
            )
        yield member


def inflated(data: bytes, most: int) -> bytes:
    """What zlib packed, if it is no more than ``most`` bytes.

    Raises:
        ValueError: it is more, or cut off.
        zlib.error: it is damaged.
    """
    stream = zlib.decompressobj()
    content = stream.decompress(data, most + 1)
    if len(content) > most:
        raise ValueError(f"more than {most} bytes come out of {len(data)}")
    if not stream.eof:
        raise ValueError("packed data are cut off")
    return content
