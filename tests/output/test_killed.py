"""A run that is killed leaves its source whole, and either no output or one that plays."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

import cv2
import numpy as np
import pytest

from stream_unmask.video.images import read_image
from tests.video.making import Recipe, make_video, read

_ROOT = Path(__file__).parents[2]
_MOST_TOUCHES, _NEVER = 40, 1000

# Copies a file again and again, each time in a process that ends itself right before what it does for the nth
# time to a file of the output's folder.
_COPIER = """
import os, signal, sys, time
from pathlib import Path
source, output = Path(sys.argv[1]), Path(sys.argv[2])
from stream_unmask.output.pictures import write_pictures
from stream_unmask.video.pictures import read_pictures
from tests.video.making import pass_through
left = 0
def watch(event, args):
    global left
    written = event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR)
    if (written or event in ("os.link", "os.remove", "os.rename")) and str(output.parent) in str(args[0]):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(watch)
for line in sys.stdin:
    touches, seconds = line.split()
    pid = os.fork()
    if pid == 0:
        left = int(touches)
        if source.suffix == ".png":
            write_pictures(output, read_pictures(source), overwrite=len(sys.argv) > 3)
        else:
            pass_through(source, output, overwrite=len(sys.argv) > 3)
        os._exit(0)
    if float(seconds):
        time.sleep(float(seconds))
        os.kill(pid, signal.SIGKILL)
    print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
"""


class Copier:
    """Copies of a file that are killed at moments that they do not choose."""

    def __init__(self, source: Path, output: Path, *, overwrite: bool) -> None:
        command = [sys.executable, "-c", _COPIER, str(source), str(output), *["overwrite"] * overwrite]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=_ROOT
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.communicate()

    def copy(self, touches: int, seconds: float = 0.0) -> bool:
        """Whether a copy was done before it touched a file for so many times, and within so many seconds."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(f"{touches} {seconds}\n")
        self._process.stdin.flush()
        code = int(self._process.stdout.readline())
        assert code in (0, -signal.SIGKILL)
        return code == 0


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def size_of(path: Path) -> int:
    """Frames of a video, or samples of a picture, all of which can be read."""
    return int(read_image(path).pixels.size) if path.suffix == ".png" else len(read(path).pts)


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("suffix", ["mp4", "png"])
def test_killed_at_any_touch_of_a_file_a_run_leaves_nothing_half_done(
    tmp_path: Path, suffix: str, overwrite: bool
) -> None:
    (tmp_path / "out").mkdir()
    source, output = tmp_path / f"in.{suffix}", tmp_path / "out" / f"out.{suffix}"
    if suffix == "png":
        source.write_bytes(cv2.imencode(".png", np.full((40, 60, 3), 90, np.uint8))[1].tobytes())
    else:
        make_video(source, Recipe(sounds=("eng",)))
    before, size = digest(source), size_of(source)
    with Copier(source, output, overwrite=overwrite) as copier:
        for touches in range(1, _MOST_TOUCHES):
            for path in output.parent.iterdir():
                path.unlink()
            if overwrite:
                output.write_bytes(b"what was there")
            done = copier.copy(touches)
            assert digest(source) == before
            if done:
                break
            if overwrite:
                assert output.read_bytes() == b"what was there" or size_of(output) == size
            elif output.exists():
                assert size_of(output) == size
        assert touches > 2
        assert done
        # What killed ones leave is hidden, and in nobody's way.
        output.unlink()
        assert not copier.copy(2)
        assert copier.copy(_NEVER)
    assert size_of(output) == size
    assert all(path.name.startswith(".") for path in output.parent.iterdir() if path != output)


@contextmanager
def unmasking(source: Path, output: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command at work."""
    command = [sys.executable, "-m", "stream_unmask", str(source), "-o", str(output), "--overwrite", "-q"]
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    with subprocess.Popen(command, env=environment, cwd=output.parent, stderr=subprocess.PIPE) as process:
        yield process


@pytest.mark.exhaustive
def test_runs_killed_at_any_moment_leave_nothing_half_done(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    recipe = Recipe(width=320, height=240, pts=range(0, 150 * 512, 512), sounds=("eng",))
    source, output = make_video(tmp_path / "in.mp4", recipe), tmp_path / "out" / "out.mp4"
    before, frames, killed = digest(source), size_of(source), 0
    with Copier(source, output, overwrite=False) as copier:
        started = time.monotonic()
        assert copier.copy(_NEVER)
        longest = 1.3 * (time.monotonic() - started)
        for seconds in np.random.default_rng(3).uniform(0.001, longest, 200):
            output.unlink(missing_ok=True)
            done = copier.copy(_NEVER, seconds)
            killed += not done
            assert digest(source) == before
            assert output.exists() or not done
            if output.exists():
                assert size_of(output) == frames
    assert 20 < killed < 200


@pytest.mark.exhaustive
def test_the_command_killed_at_any_moment_leaves_nothing_half_done(tmp_path: Path, masked_clip: Path) -> None:
    output = tmp_path / "out.mp4"
    before, frames = digest(masked_clip), len(read(masked_clip).pts)
    started = time.monotonic()
    with unmasking(masked_clip, output) as process:
        assert process.wait() == 0
    longest = 1.1 * (time.monotonic() - started)
    killed = 0
    for seconds in np.random.default_rng(3).uniform(0, longest, 20):
        output.unlink(missing_ok=True)
        with unmasking(masked_clip, output) as process:
            try:
                assert process.wait(seconds) == 0
            except subprocess.TimeoutExpired:
                process.kill()
                killed += 1
        assert digest(masked_clip) == before
        if output.exists():
            assert len(read(output).pts) == frames
    assert killed > 5
