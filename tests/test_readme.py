"""Every command in the README and its pages, and every line of Python, does what it says."""

from __future__ import annotations

import re
import shlex
import shutil
from itertools import islice
from pathlib import Path

import av
import click
import numpy as np
import pytest
from numpy.typing import NDArray

from benchmarks.results import read_results
from stream_unmask.cli.main import cli
from stream_unmask.output.pictures import write_image

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))
RUN_PAGES = (README, ROOT / "docs" / "cli.md")
"""Pages whose commands are run, but for those of which only the grammar is checked."""

# These need a camera, a GPU, or hours; of them only the grammar is checked here.
NOT_RUN = (
    "rtsp://",
    "webcam:",
    "engines ",
    "bench",
    "--weights",
    "--credential",
    "--data",
    " data",
    "--segment",
    "measure ",
    "serve ",
)
# CI runs these, or they are programs of others.
OTHERS = ("make ", "pip install ", "tensorboard ", "pytest ", "bash ", "git ", "ray ")


def blocks(page: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text(), re.DOTALL | re.MULTILINE)


def commands(page: Path) -> list[str]:
    text = "".join(blocks(page, "sh")).replace("\\\n", " ")
    lines = [re.split(r"\s\s#|\s{2,}#", line)[0].strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith(OTHERS)]


def results() -> list[str]:
    """The commands that measured what the pages claim."""
    return [result.command for result in read_results(ROOT / "results").values()]


def is_run(line: str) -> bool:
    return not any(part in line for part in NOT_RUN)


def not_run() -> list[str]:
    known = [line for page in RUN_PAGES for line in commands(page) if not is_run(line)]
    others = [line for page in PAGES if page not in RUN_PAGES for line in commands(page)]
    return list(dict.fromkeys([*known, *others, *results()]))


@pytest.fixture
def folder(tmp_path: Path, masked_clip: Path, bare_clip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the README's commands take for granted."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(masked_clip, tmp_path / "video.mp4")
    for clip, name in ((masked_clip, "photo.jpg"), (bare_clip, "me.jpg")):
        with av.open(clip) as container:
            picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
        write_image(tmp_path / name, picture)
    (tmp_path / "holiday").mkdir()
    shutil.copy(tmp_path / "photo.jpg", tmp_path / "holiday")
    return tmp_path


def test_the_commands_run_one_after_the_other(folder: Path) -> None:
    run = [line for page in RUN_PAGES for line in commands(page) if is_run(line)]
    assert len(run) >= 8
    for line in run:
        program, *arguments = shlex.split(line)
        assert program == "stream-unmask"
        cli.main(arguments, standalone_mode=False)
        if "-o" in arguments:
            assert Path(arguments[arguments.index("-o") + 1]).exists(), line


NOWHERE = click.Context(cli)
PROGRAMS = ("stream-unmask", "torchrun --nproc-per-node 8 -m -- stream_unmask")


def command_of(line: str) -> tuple[click.Command, list[str]]:
    """The click command that a line calls, and the arguments it gets."""
    (program,) = (name for name in PROGRAMS if line.startswith(f"{name} "))
    command: click.Command = cli
    words = shlex.split(line.removeprefix(program))
    while isinstance(command, click.Group):
        name, *rest = words if words[0] in command.list_commands(NOWHERE) else ["unmask", *words]
        inner = command.get_command(NOWHERE, name)
        assert inner is not None, line
        command, words = inner, rest
    return command, words


@pytest.fixture
def names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Empty files, named as in ``folder``: for what only looks whether they are there."""
    monkeypatch.chdir(tmp_path)
    for name in ("video.mp4", "photo.jpg", "me.jpg"):
        Path(name).touch()
    Path("holiday").mkdir()


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize("line", not_run())
def test_the_other_commands_are_understood(line: str) -> None:
    command, arguments = command_of(line)
    for word in arguments:
        if "/" in word and "://" not in word:
            Path(word).mkdir(parents=True, exist_ok=True)
        elif Path(word).suffix in (".txt", ".tar") or word == "DEFACE":
            Path(word).touch()
    assert command.make_context(line, arguments) is not None


def run_python(code: str) -> None:
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)


def test_the_python_runs(folder: Path) -> None:
    run_python(blocks(README, "python")[0])
    assert Path("out.mp4").exists()
    assert Path("again.mp4").exists()


class Webcam:
    """What OpenCV's capture is to the README: it shows the first frames of a video."""

    def __init__(self, number: int) -> None:
        with av.open("video.mp4") as container:
            decoded = islice(container.decode(video=number), 5)
            self.pictures = [np.asarray(frame.to_ndarray(format="bgr24"), np.uint8) for frame in decoded]

    def read(self) -> tuple[bool, NDArray[np.uint8] | None]:
        return (True, self.pictures.pop(0)) if self.pictures else (False, None)


def test_a_webcam_is_unmasked_in_a_window(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = blocks(README, "python")[1]
    assert len([line for line in code.splitlines() if line]) <= 12
    shown: list[NDArray[np.uint8]] = []
    monkeypatch.setattr("cv2.VideoCapture", Webcam)
    monkeypatch.setattr("cv2.waitKey", lambda wait: -1)
    monkeypatch.setattr("cv2.imshow", lambda title, picture: shown.append(picture))
    given = Webcam(0).pictures
    run_python(code)
    assert len(shown) == len(given) == 5
    changed = (shown[-1] != given[-1]).any(axis=-1)
    assert 0.005 < changed.mean() < 0.2


def test_the_first_screen_shows_how_to_begin() -> None:
    first = README.read_text().splitlines()[:15]
    assert any(line.startswith("pip install") for line in first)
    assert any(line.startswith("stream-unmask video.mp4 -o out.mp4") for line in first)
    assert any(line.endswith("(docs/unmasked.webp)") for line in first)


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.name)
def test_the_files_that_are_named_are_there(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text()):
        assert (page.parent / target).exists(), target
