"""Which container suits what a file holds."""

from __future__ import annotations

from pathlib import Path

import av

from stream_unmask.output.trials import holds
from stream_unmask.video.samples import sample_file

_USUAL, _ROOMY = (".mp4", "mp4"), (".mkv", "matroska")
_COPIED = frozenset(("audio", "subtitle", "attachment"))


def best_suffix(path: Path) -> str:
    """The suffix of the container that holds most of a file as it is: MP4, unless Matroska holds more."""
    if not path.is_file():  # what comes through a pipe can be read only once
        return _USUAL[0]
    try:
        with av.open(str(path.absolute()), metadata_errors="surrogateescape") as source:
            streams = [stream for stream in source.streams if stream.type in _COPIED]
            samples = sample_file(path, [stream.index for stream in streams])
            held = {
                suffix: sum(holds(name, stream, samples.get(stream.index, [])) for stream in streams)
                for suffix, name in (_USUAL, _ROOMY)
            }
    except (av.FFmpegError, OSError):
        return _USUAL[0]  # what is wrong with it is said when it is read
    return max(held, key=lambda suffix: held[suffix])
