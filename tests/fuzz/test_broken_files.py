"""Files broken at random are read as far as they go, or refused in a sentence; no crash, and no hang."""

from __future__ import annotations

import hashlib
import json
import os
import selectors
import subprocess
import sys
import zlib
from base64 import b64encode
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import PIL.Image
import pytest

from tests.fuzz.mutating import mutate
from tests.video.making import Recipe, make_video
from trainer.packing.shards import ShardWriter

SEED = 20_261_128
FEW, MANY = 100, 2500
"""Files of each kind, in every run and in an exhaustive one."""

_LONGEST = 30.0
"""Seconds for one file, on a machine that does much besides."""

_ROOT = Path(__file__).parents[2]


class Worker:
    """A process that reads broken files."""

    def __init__(self, kind: str, folder: Path) -> None:
        self._errors = (folder / "errors.txt").open("w+")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.fuzz.worker", kind],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            cwd=_ROOT,
            env=os.environ | {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._errors):
            if stream is not None:
                stream.close()

    def answer(self, path: Path, seconds: float) -> str:
        """What the process says of a file; what ended it, where it did not."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{path}\n".encode())
        self._process.stdin.flush()
        with selectors.DefaultSelector() as selector:
            selector.register(self._process.stdout, selectors.EVENT_READ)
            if not selector.select(seconds):
                return f"nothing for {seconds:.0f} s"
        line = self._process.stdout.readline().decode().strip()
        if line:
            return line
        self._errors.seek(0)
        return f"ended by {self._process.wait()}: {self._errors.read()[-2000:]}"


def videos(folder: Path) -> list[Path]:
    sound = Recipe(sounds=("eng",), width=48, height=32)
    ticks = replace(sound, time_base=Fraction(1, 1000), pts=range(0, 400, 40))
    lines = ((0, 300, b"0,0,Default,,0,0,0,,Hello"),)
    styled = replace(ticks, subtitles=lines, subtitle_codec="ass")
    return [
        make_video(folder / "a.mp4", replace(sound, timecode="01:00:00:00", rotation=90)),
        make_video(folder / "a.mkv", replace(styled, attachment=b"font")),
        make_video(folder / "a.ts", sound),
        make_video(folder / "a.avi", replace(sound, codec="mpeg4", options={}, sound_codec="mp2")),
        make_video(folder / "a.webm", replace(ticks, codec="libvpx", options={}, sound_codec="libopus")),
        make_video(folder / "a.gif", replace(ticks, sounds=(), codec="gif", pixel_format="rgb8", options={})),
        make_video(folder / "a.h264", replace(sound, sounds=())),
    ]


def pictures(folder: Path) -> list[Path]:
    random = np.random.default_rng(1)
    images = [PIL.Image.fromarray(random.integers(0, 256, (24, 32, 3), np.uint8)) for _ in range(3)]
    exif = PIL.Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a photo"
    exif.get_ifd(0x8769)[0x9003] = "2024:05:06 07:08:09"
    for name in ("a.jpg", "a.png"):
        images[0].save(folder / name, exif=exif)
    for name in ("a.bmp", "a.jp2", "a.ppm"):
        images[0].save(folder / name)
    images[0].convert("CMYK").save(folder / "cmyk.jpg")
    for name in ("a.webp", "b.png", "a.tif", "a.avif"):
        images[0].save(folder / name, save_all=True, append_images=images[1:])
    return sorted(folder.iterdir())


def shards(folder: Path) -> list[Path]:
    points = np.zeros((2, 468), "<i2").tobytes()
    notes: dict[str, object] = {"lm": b64encode(zlib.compress(points)).decode()}
    picture = b"\xff\xd8" + bytes(500)
    with ShardWriter(folder, "fuzz", 4) as writer:
        for _ in range(3):
            writer.write(picture, notes)
    return sorted(folder.glob("*.tar"))


def manifests(folder: Path) -> list[Path]:
    (folder / "a.onnx").write_bytes(b"network")
    file = {"file": "a.onnx", "sha256": hashlib.sha256(b"network").hexdigest(), "size": 128, "run": "a"}
    path = folder / "manifest.json"
    path.write_text(json.dumps({"segmenter": file | {"made": {"fp16": file}}}))
    return [path]


MAKERS = {"video": videos, "picture": pictures, "shard": shards, "manifest": manifests}


def broken(kind: str, folder: Path, count: int) -> None:
    (folder / "whole").mkdir()
    (folder / "broken").mkdir()
    whole = [(path.name, path.read_bytes()) for path in MAKERS[kind](folder / "whole")]
    random = np.random.default_rng(SEED)
    with Worker(kind, folder) as worker:
        for number in range(count):
            name, data = whole[number % len(whole)]
            path = folder / "broken" / name
            path.write_bytes(mutate(data, random) if number >= len(whole) else data)
            # The first one waits for the process to begin.
            answer = worker.answer(path, _LONGEST if number else 4 * _LONGEST)
            assert answer in ("ok", "refused"), f"{kind} {number} ({name}): {answer}"
            assert number >= len(whole) or answer == "ok" or kind == "manifest", f"{name} is whole: {answer}"


@pytest.mark.parametrize("kind", MAKERS)
def test_some_broken_files(tmp_path: Path, kind: str) -> None:
    broken(kind, tmp_path, FEW)


@pytest.mark.exhaustive
@pytest.mark.parametrize("kind", MAKERS)
def test_many_broken_files(tmp_path: Path, kind: str) -> None:
    broken(kind, tmp_path, MANY)
