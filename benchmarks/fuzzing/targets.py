"""What reads files, replies and settings of strangers: each of it is fuzzed.

A reader gets the bytes of one input and a folder of its own. It returns when it has read them, and raises an
``UnmaskError`` to refuse them in a sentence; whatever else it does is a finding. What comes to read something
new gets an entry in :data:`TARGETS` and a folder of whole inputs among the corpora.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.fuzzing.mutating import Mutator, mutate_bytes, mutate_packed, mutate_text
from benchmarks.fuzzing.replies import Replies

if TYPE_CHECKING:
    from benchmarks.fuzzing.page import PageServer

_NETWORK = bytes([8, 10])
"""An ONNX file that says its version, and no more."""

_MOST_ITEMS = 400
_WIDEST = 4096


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of input.

    Attributes:
        read: does what the product does with it.
        mutate: breaks a whole one.
        share: of every ten thousand inputs.
    """

    read: Callable[[bytes, str, Path], object]
    mutate: Mutator
    share: int


def _file(data: bytes, name: str, folder: Path) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path


def _read_video(data: bytes, name: str, folder: Path) -> None:
    """Read a video and write it, as the product does but for the faces."""
    from stream_unmask.output.codecs import EncoderSettings
    from stream_unmask.output.sink import FileSink
    from stream_unmask.video.frame import Frame
    from stream_unmask.video.source import open_source

    with open_source(_file(data, name, folder), threads=1) as source:
        source.problems.sentences()
        settings = EncoderSettings("libx264", 40, "ultrafast", threads=1)
        sink = FileSink(folder / "out.mkv", source, settings, overwrite=True)
        try:
            for number, item in enumerate(source):
                if number >= _MOST_ITEMS:
                    break
                if not isinstance(item, Frame) or item.picture.width <= _WIDEST:
                    sink.write(item)
            sink.close()
        finally:
            sink.discard()


@cache
def _replies() -> Replies:
    return Replies()


def _read_camera(data: bytes, name: str, folder: Path) -> None:
    """Call a camera whose replies these are, and read what it sends."""
    from stream_unmask.video.camera_options import CameraOptions
    from stream_unmask.video.source import open_source

    replies = _replies()
    replies.answer(data)
    address = f"rtsp://127.0.0.1:{replies.port}/{name}"
    with open_source(address, threads=1, camera=CameraOptions(stall=1.0, transport="tcp")) as source:
        for _ in zip(source, range(_MOST_ITEMS), strict=False):
            pass


@cache
def _page() -> PageServer:
    from benchmarks.fuzzing.page import PageServer

    return PageServer()


def _read_request(data: bytes, name: str, folder: Path) -> None:
    """Send a request to the server of the page."""
    _page().ask(data)


def _read_picture(data: bytes, name: str, folder: Path) -> None:
    from stream_unmask.video.pictures import read_pictures

    read_pictures(_file(data, name, folder))


def _read_shard(data: bytes, name: str, folder: Path) -> None:
    from trainer.data import read_shard

    read_shard(_file(data, name, folder), "fuzz")


def _read_bank(data: bytes, name: str, folder: Path) -> None:
    from stream_unmask.inpainting.stand_ins.bank import load_bank

    bank = load_bank(_file(data, name, folder))
    for index in range(min(2 * bank.count, 4)):
        bank[index]


def _read_config(data: bytes, name: str, folder: Path) -> None:
    from stream_unmask.cli.config import read_config

    read_config(_file(data, name, folder))


def _read_manifest(data: bytes, name: str, folder: Path) -> None:
    from engines.contract import SEGMENTER, has_weights, read_weights

    (folder / "a.onnx").write_bytes(_NETWORK)
    _file(data, name, folder)
    has_weights(folder, SEGMENTER, "fp16")
    read_weights(folder, SEGMENTER, "fp16")


def _read_network(data: bytes, name: str, folder: Path) -> None:
    """Load a network that a manifest vouches for, in both engines that run on every CPU."""
    from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine
    from engines.backends.openvino_cpu import OpenVINOEngine
    from engines.contract import MANIFEST, SEGMENTER, read_weights

    path = _file(data, name, folder)
    entry = {"file": name, "sha256": hashlib.sha256(data).hexdigest(), "size": 32, "run": "fuzz"}
    (folder / MANIFEST).write_text(json.dumps({"segmenter": entry}))
    weights = read_weights(folder, SEGMENTER)
    SEGMENTER.check(ONNXRuntimeEngine(path, 1), weights.size)
    SEGMENTER.check(OpenVINOEngine(path, 1), weights.size)


TARGETS: dict[str, Target] = {
    "video": Target(_read_video, mutate_bytes, 100),
    "camera": Target(_read_camera, mutate_text, 20),
    "request": Target(_read_request, mutate_text, 1000),
    "picture": Target(_read_picture, mutate_bytes, 1600),
    "shard": Target(_read_shard, mutate_bytes, 2300),
    "bank": Target(_read_bank, mutate_packed, 500),
    "config": Target(_read_config, mutate_text, 2100),
    "manifest": Target(_read_manifest, mutate_text, 2280),
    "network": Target(_read_network, mutate_bytes, 100),
}
"""By the names of their folders in the corpora."""
