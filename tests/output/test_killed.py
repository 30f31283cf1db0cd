"""A run that is killed leaves its source whole, and either no output or one that plays."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.video.making import Recipe, make_video, read

_ROOT = Path(__file__).parents[2]
_COPY = """
import sys
from pathlib import Path
from tests.video.making import pass_through
print("begun", flush=True)
pass_through(Path(sys.argv[1]), Path(sys.argv[2]), overwrite=True)
print("done", flush=True)
"""


def killed_after(milliseconds: int, source: Path, output: Path) -> bool:
    """Whether a copy of a video was killed before it was done."""
    command = [sys.executable, "-c", _COPY, str(source), str(output)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=_ROOT) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "begun\n"
        try:
            process.wait(milliseconds / 1000)
        except subprocess.TimeoutExpired:
            process.kill()
            return True
        assert process.returncode == 0
        return False


def check_kills(folder: Path, count: int, longest: int) -> None:
    recipe = Recipe(width=320, height=240, pts=range(0, 150 * 512, 512), sounds=("eng",))
    source, output = make_video(folder / "in.mp4", recipe), folder / "out.mp4"
    before = hashlib.sha256(source.read_bytes()).hexdigest()
    frames = len(read(source).pts)
    for milliseconds in np.random.default_rng(3).integers(0, longest, count):
        killed = killed_after(int(milliseconds), source, output)
        assert hashlib.sha256(source.read_bytes()).hexdigest() == before
        assert killed or output.exists()
        if output.exists():
            assert len(read(output).pts) == frames
            output.unlink()
    # What was left of them is in nobody's way.
    assert not killed_after(10**6, source, output)
    assert len(read(output).pts) == frames


def test_a_killed_run_leaves_nothing_half_done(tmp_path: Path) -> None:
    check_kills(tmp_path, 4, 700)


@pytest.mark.exhaustive
def test_runs_killed_at_any_moment_leave_nothing_half_done(tmp_path: Path) -> None:
    check_kills(tmp_path, 200, 1500)
