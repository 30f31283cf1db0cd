"""Reads broken files, one path a line on stdin; run by the fuzzer in a process of its own.

Answers each with a line: "ok" for a file that was read, "refused" for one that was refused in a sentence.
Whatever else happens (a traceback, a crash of a decoder in C, too much memory or time) ends the process.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

from engines.contract import SEGMENTER, read_weights
from engines.engine import EngineError
from stream_unmask.errors import UnmaskError
from stream_unmask.output.codecs import EncoderSettings
from stream_unmask.output.sink import FileSink
from stream_unmask.video.frame import Frame
from stream_unmask.video.pictures import read_pictures
from stream_unmask.video.source import open_source
from trainer.data import read_shard

_MOST_MEMORY = 4 << 30
_MOST_ITEMS = 400


def video(path: Path) -> None:
    """Read a video and write it, as the product does but for the faces."""
    output = path.with_name("out.mkv")
    with open_source(path, threads=1) as source:
        source.problems.sentences()
        settings = EncoderSettings("libx264", 40, "ultrafast", threads=1)
        sink = FileSink(output, source, settings, overwrite=True)
        try:
            for number, item in enumerate(source):
                if number >= _MOST_ITEMS:
                    break
                if not isinstance(item, Frame) or item.picture.width <= 4096:
                    sink.write(item)
            sink.close()
        finally:
            sink.discard()


def weights(path: Path) -> None:
    """Read a manifest and the network that it names."""
    read_weights(path.parent, SEGMENTER)


READERS: Mapping[str, Callable[[Path], object]] = {
    "video": video,
    "picture": read_pictures,
    "shard": lambda path: read_shard(path, "fuzz"),
    "manifest": weights,
}


def main() -> None:
    read = READERS[sys.argv[1]]
    resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for line in sys.stdin:
        try:
            read(Path(line.rstrip("\n")))
            answer = "ok"
        except (UnmaskError, EngineError) as error:
            answer = "refused" if str(error).strip() and "Traceback" not in str(error) else "empty"
        print(answer, flush=True)  # noqa: T201


if __name__ == "__main__":
    main()
