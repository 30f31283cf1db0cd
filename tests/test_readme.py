"""Every command and every line of Python in the README does what it says."""

from __future__ import annotations

import re
import shlex
import shutil
from pathlib import Path

import av
import click
import pytest

from benchmarks.__main__ import main as benchmarks
from engines.export import main as export
from stream_unmask.cli.main import cli
from stream_unmask.video.images import write_image
from trainer.cli import commands as trainer

README = (Path(__file__).parents[1] / "README.md").read_text()

# These need a camera, or hours; of them only the grammar is checked here.
NOT_RUN = ("rtsp://", "webcam:", "python -m ")
RUN_BY_CI = ("make ", "pip install ")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


def commands() -> list[str]:
    text = "".join(blocks("sh")).replace("\\\n", " ")
    lines = [line.split("  #")[0].strip() for line in text.splitlines()]
    return [line for line in lines if line and not line.startswith(RUN_BY_CI)]


@pytest.fixture
def folder(tmp_path: Path, masked_clip: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the README's commands take for granted."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(masked_clip, tmp_path / "video.mp4")
    with av.open(masked_clip) as container:
        picture = next(container.decode(video=0)).to_ndarray(format="rgb24")
    write_image(tmp_path / "photo.jpg", picture)
    (tmp_path / "holiday").mkdir()
    shutil.copy(tmp_path / "photo.jpg", tmp_path / "holiday")
    return tmp_path


def test_the_commands_run_one_after_the_other(folder: Path) -> None:
    run = [line for line in commands() if not any(part in line for part in NOT_RUN)]
    assert len(run) >= 6
    for line in run:
        program, *arguments = shlex.split(line)
        assert program == "stream-unmask"
        cli.main(arguments, standalone_mode=False)
        if "-o" in arguments:
            assert Path(arguments[arguments.index("-o") + 1]).exists(), line


def command_of(words: list[str]) -> tuple[click.Command, list[str]]:
    """The click command that a line calls, and the arguments it gets."""
    if words[0] == "stream-unmask":
        return cli.commands["unmask"], words[1:]
    assert words[:2] == ["python", "-m"]
    if words[2] == "engines.export":
        return export, words[3:]
    group = {"benchmarks": benchmarks, "trainer": trainer}[words[2]]
    return group.commands[words[3]], words[4:]


@pytest.mark.parametrize("line", [line for line in commands() if any(part in line for part in NOT_RUN)])
def test_the_other_commands_are_understood(line: str, folder: Path) -> None:
    command, arguments = command_of(shlex.split(line))
    for word in arguments:
        if word.endswith("/"):
            Path(word).mkdir(exist_ok=True)
    assert command.make_context(line, arguments) is not None


def test_the_python_runs(folder: Path) -> None:
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(compile(code, "README.md", "exec"), names)
    assert Path("out.mp4").exists()
    assert Path("again.mp4").exists()


def test_the_files_that_are_named_are_there() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (Path(__file__).parents[1] / target).exists(), target
