"""A stream on its way from one worker to another: all that it carries from frame to frame, as bytes."""

from __future__ import annotations

import io
import pickle
from typing import Any

from av.video.reformatter import VideoReformatter

from stream_unmask.networks import Networks
from stream_unmask.pipeline import Stream

_LOADED = ("detector", "mesh", "cpu", "describer", "bank", "gpu", "lock")
"""What each worker has of its own."""

_REFORMATTER = "reformatter"


def pack(stream: Stream, networks: Networks) -> bytes:
    """What a stream carries, without the networks.

    Args:
        stream: whose frames are all done.
        networks: that it runs on.
    """
    packed = io.BytesIO()
    _Pickler(packed, networks).dump(stream)
    return packed.getvalue()


def unpack(packed: bytes, networks: Networks) -> Stream:
    """The stream again, on the networks of this worker.

    Args:
        packed: from :func:`pack` of the same version of the program, in a worker of the same run: what comes
            from elsewhere must not be unpacked.
        networks: of the same settings.
    """
    stream: Stream = _Unpickler(io.BytesIO(packed), networks).load()
    return stream


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, networks: Networks) -> None:
        super().__init__(file, pickle.HIGHEST_PROTOCOL)
        loaded = ((name, getattr(networks, name)) for name in _LOADED)
        self._names = {id(each): name for name, each in loaded if each is not None}

    def persistent_id(self, obj: Any) -> str | None:
        """The name of what stays with the worker."""
        if isinstance(obj, VideoReformatter):  # it remembers sizes only
            return _REFORMATTER
        return self._names.get(id(obj))


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, networks: Networks) -> None:
        super().__init__(file)
        self._networks = networks

    def persistent_load(self, pid: Any) -> Any:
        """What this worker has under a name."""
        return VideoReformatter() if pid == _REFORMATTER else getattr(self._networks, pid)
