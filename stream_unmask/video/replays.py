"""What a playlist brings again to who opens it again."""

from __future__ import annotations

import zlib
from collections import OrderedDict

import numpy as np

from stream_unmask.video.container import CopiedPacket
from stream_unmask.video.frame import Frame

_MOST = 8192
"""Frames and packets that are remembered: what a playlist of a minute holds."""

_APART = 61
"""Of a picture every so many samples are looked at."""

_Key = tuple[int, int | None, int]


class Replays:
    """Tells what came before: a playlist begins with its last segments, also when it is opened again."""

    def __init__(self) -> None:
        self._known: OrderedDict[_Key, None] = OrderedDict()

    def is_one(self, item: Frame | CopiedPacket) -> bool:
        """Whether this very picture or sound came before, at the same time by its sender's clock."""
        key = _key(item)
        if key in self._known:
            return True
        self._known[key] = None
        if len(self._known) > _MOST:
            self._known.popitem(last=False)
        return False


def _key(item: Frame | CopiedPacket) -> _Key:
    if isinstance(item, CopiedPacket):
        return item.stream_index, item.packet.pts, zlib.crc32(bytes(item.packet))
    samples = np.frombuffer(memoryview(item.picture.planes[0]), np.uint8)[::_APART]
    return -1, item.pts, zlib.crc32(samples.tobytes())
