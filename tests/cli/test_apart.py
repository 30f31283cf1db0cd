"""A library that crashes takes its process down, and neither the sentence on it nor the files behind it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import av
import pytest

from stream_unmask.cli.ledger import CrashedError, Ledger
from stream_unmask.errors import UnmaskError
from tests.support.waiting import GUARD, wait_until
from tests.video.making import Recipe, make_video

_ROOT = Path(__file__).parents[2]
_CRASHING = 66
_LONG = 6000

# Crashes as a decoder does, over the sixth picture of 66 pixels' width.
_SITE = """
import ctypes, sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder

class Finder(MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name != "stream_unmask.video.decoding":
            return None
        spec = PathFinder.find_spec(name, path)
        execute = spec.loader.exec_module

        def exec_module(module):
            execute(module)
            decoded, count = module.PictureDecoder._frame, 0

            def crash(self, picture):
                nonlocal count
                count += picture.width == 66
                if count == 6:
                    ctypes.string_at(0)
                return decoded(self, picture)

            module.PictureDecoder._frame = crash

        spec.loader.exec_module = exec_module
        return spec

sys.meta_path.insert(0, Finder())
"""


@pytest.fixture
def crashing(tmp_path: Path) -> dict[str, str]:
    """An environment in which a decoder crashes."""
    site = tmp_path / "site"
    site.mkdir()
    (site / "sitecustomize.py").write_text(_SITE)
    return os.environ | {"PYTHONPATH": f"{_ROOT}:{site}"}


def unmask(folder: Path, environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a folder."""
    command = [sys.executable, "-m", "stream_unmask", *arguments]
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=GUARD, check=False
    )


def clip(path: Path, width: int, frames: int = 12) -> Path:
    path.parent.mkdir(exist_ok=True)
    return make_video(path, Recipe(width=width, height=64, pts=range(0, frames * 512, 512)))


def test_a_crash_over_one_file_of_a_folder_is_one_sentence_and_the_others_are_done(
    tmp_path: Path, crashing: dict[str, str]
) -> None:
    for name, width in (("a", 64), ("b", _CRASHING), ("c", 64), ("d", _CRASHING), ("e", 64)):
        clip(tmp_path / "in" / f"{name}.mp4", width)
    (tmp_path / "in" / "broken.mp4").write_text("no video")
    before = {path: path.read_bytes() for path in (tmp_path / "in").iterdir()}
    done = unmask(tmp_path, crashing, "in", "-o", "out", "--report", "report.json", "--save-masks")
    assert done.returncode == 1
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == [
        *("a.mask.mp4", "a.mp4", "c.mask.mp4", "c.mp4", "e.mask.mp4", "e.mp4")
    ]
    said = [line for line in done.stderr.splitlines() if not line.startswith(("Engine:", "Wrote", "For a"))]
    crashed = "A library, most likely a decoder, crashed over in/{0} (segmentation fault)."
    lines = [
        f"{name}: {crashed.format(name)} It has no output, and is as it was." for name in ("b.mp4", "d.mp4")
    ]
    assert said[0] == f"stream-unmask: {lines[0]}"
    assert said[1].startswith("broken.mp4: ")
    assert said[2:] == [lines[1]]
    reports = json.loads((tmp_path / "report.json").read_text())
    assert [Path(report["source"]).name for report in reports] == ["a.mp4", "c.mp4", "e.mp4"]
    assert {path: path.read_bytes() for path in (tmp_path / "in").iterdir()} == before


@pytest.mark.parametrize("arguments", [["-o", "out.mp4", "--save-masks"], ["-o", "out.mp4", "--log-json"]])
def test_a_crash_over_the_only_file_is_one_sentence_and_leaves_nothing(
    arguments: list[str], tmp_path: Path, crashing: dict[str, str]
) -> None:
    clip(tmp_path / "in.mp4", _CRASHING)
    before = sorted(tmp_path.iterdir())
    done = unmask(tmp_path, crashing, "in.mp4", *arguments)
    assert done.returncode == 1
    assert done.stderr.count("crashed over in.mp4 (segmentation fault).") == 1
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize("command", ["verify", "sheet", "faces"])
def test_a_crash_of_a_command_that_only_reads_is_one_sentence(
    command: str, tmp_path: Path, crashing: dict[str, str]
) -> None:
    clip(tmp_path / "in.mp4", _CRASHING)
    done = unmask(tmp_path, crashing, command, "in.mp4")
    assert (done.returncode, done.stdout) == (1, "")
    crashed = "A library, most likely a decoder, crashed over in.mp4 (segmentation fault)."
    assert done.stderr == f"stream-unmask: {crashed}\n"


def test_a_crash_before_any_file_is_read_does_not_begin_again_for_ever(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, os, signal\n"
        "def watch(event, args):\n"
        "    if event == 'import' and args[0] == 'av':\n"
        "        os.kill(os.getpid(), signal.SIGILL)\n"
        "sys.addaudithook(watch)\n"
    )
    done = unmask(tmp_path, os.environ | {"PYTHONPATH": f"{_ROOT}:{tmp_path}"}, "in.mp4")
    said = "stream-unmask: a library crashed (illegal instruction) before any file was read.\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_exit_codes_are_those_of_the_work(tmp_path: Path) -> None:
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    assert unmask(tmp_path, environment, "in.mp4", "--frobnicate").returncode == 2
    assert unmask(tmp_path, environment, "in.mp4").returncode == 1
    assert unmask(tmp_path, environment, "unmask", "--help").returncode == 0


def children(pid: int) -> list[int]:
    return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))


def state(pid: int) -> str:
    """R, S, D, T (stopped), Z (dead, and not waited for) or nothing at all."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return ""


def pending(pid: int) -> bool:
    """Whether a process has a signal that it has not looked at."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return any(int(line.split()[1], 16) for line in lines if line.startswith("ShdPnd"))


@pytest.fixture(scope="module")
def long_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that takes the command long: some ten seconds after the first bytes of its output."""
    return clip(tmp_path_factory.mktemp("long") / "long.mp4", 320, _LONG)


@pytest.fixture
def long_run(long_clip: Path, tmp_path: Path) -> Iterator[subprocess.Popen[str]]:
    """The command in a group of its own, at work on a file that takes it long, with an output begun."""
    shutil.copy(long_clip, tmp_path)
    command = [sys.executable, "-m", "stream_unmask", "long.mp4", "-o", "out.mp4", "--reference=none"]
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    # Whoever runs the tests by nohup hands on that SIGHUP is ignored.
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stderr=subprocess.PIPE, text=True, process_group=0
    ) as process:
        signal.signal(signal.SIGHUP, before)
        part = tmp_path / ".out.part.mp4"
        wait_until(lambda: part.exists() and part.stat().st_size > 1000, pause=0.1)
        try:
            yield process
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


@pytest.mark.parametrize(
    ("send", "number"),
    [
        (os.kill, signal.SIGINT),
        (os.killpg, signal.SIGINT),
        (os.killpg, signal.SIGTERM),
        (os.kill, signal.SIGHUP),
    ],
)
def test_a_request_to_stop_comes_once(
    send: Callable[[int, int], None], number: signal.Signals, long_run: subprocess.Popen[str], tmp_path: Path
) -> None:
    send(long_run.pid, number)
    _, said = long_run.communicate(timeout=GUARD)
    assert long_run.returncode == 130
    assert "Stopped; what was done is in" in said
    with av.open(tmp_path / "out.interrupted.mp4") as container:
        assert 0 < sum(1 for _ in container.decode(video=0)) < _LONG


def test_a_crash_of_what_is_being_stopped_begins_nothing_again(long_run: subprocess.Popen[str]) -> None:
    (worker,) = children(long_run.pid)
    os.kill(worker, signal.SIGSTOP)  # so that it crashes before it can stop
    os.kill(long_run.pid, signal.SIGINT)
    os.kill(worker, signal.SIGSEGV)
    wait_until(lambda: not pending(long_run.pid))
    os.kill(worker, signal.SIGCONT)
    _, said = long_run.communicate(timeout=GUARD)
    assert long_run.returncode == 1
    assert "a library crashed (segmentation fault) while the work was stopped." in said


def test_whoever_waits_dies_as_the_work_does(long_run: subprocess.Popen[str]) -> None:
    (worker,) = children(long_run.pid)
    os.kill(worker, signal.SIGKILL)
    assert long_run.wait(GUARD) == -signal.SIGKILL


def test_the_work_pauses_goes_on_and_dies_with_the_process_that_waits_for_it(
    long_run: subprocess.Popen[str],
) -> None:
    (worker,) = children(long_run.pid)
    os.kill(long_run.pid, signal.SIGTSTP)
    wait_until(lambda: state(long_run.pid) == state(worker) == "T")
    os.kill(long_run.pid, signal.SIGCONT)
    wait_until(lambda: "T" not in (state(long_run.pid), state(worker)))
    long_run.kill()
    wait_until(lambda: state(worker) in ("", "Z"))


def test_a_ledger_knows_what_was_done_before_a_crash() -> None:
    descriptor = os.memfd_create("ledger")
    first = Ledger(descriptor)

    def refuse() -> int:
        raise UnmaskError("It is bad.")

    first.keep_plan(["a", "b", "c", "d"])
    assert first.once("a", lambda: 7) == 7
    with pytest.raises(UnmaskError, match="It is bad"):
        first.once("b", refuse)
    first.begin("c")
    first.crash(signal.SIGABRT)
    os.write(descriptor, b"\x80\x05half a step")
    second = Ledger(descriptor)
    second.replay()
    assert second.plan == ["a", "b", "c", "d"]
    assert [second.knows(each) for each in "abcd"] == [True, True, True, False]
    assert second.once("a", refuse) == 7
    with pytest.raises(UnmaskError, match="It is bad"):
        second.once("b", lambda: 7)
    with pytest.raises(CrashedError, match="crashed over c \\(aborted\\)"):
        second.once("c", lambda: 7)


def test_a_program_that_uses_the_library_is_not_forked(tmp_path: Path) -> None:
    clip(tmp_path / "in.mp4", 64)
    code = (
        "import sys\n"
        "def watch(event, args):\n"
        "    assert event not in ('os.fork', 'os.forkpty', 'subprocess.Popen'), event\n"
        "sys.addaudithook(watch)\n"
        "from stream_unmask import unmask_video\n"
        "assert unmask_video('in.mp4', 'out.mp4').frames == 12\n"
    )
    environment = os.environ | {"PYTHONPATH": str(_ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=environment, timeout=GUARD, check=False
    )
    assert done.returncode == 0
