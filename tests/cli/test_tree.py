"""The tree of commands: quick where nothing is asked for, and plain where something is not installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from stream_unmask.cli.main import COMMANDS, cli
from stream_unmask.version import _source_version

ROOT = Path(__file__).parents[2]
HEAVY = ("cv2", "numba", "numpy", "openvino", "onnxruntime", "av", "torch", "rich")


@pytest.mark.parametrize("option", ["--version", "--help"])
def test_version_and_help_import_nothing_heavy(option: str) -> None:
    code = f"""
import sys
from stream_unmask.cli.main import main
sys.argv = ["stream-unmask", {option!r}]
try:
    main()
except SystemExit as end:
    assert not end.code
print(sorted(set({HEAVY!r}) & sys.modules.keys()), file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
    assert "stream-unmask" in done.stdout


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_of_the_table_is_there(name: str) -> None:
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    assert command.name == name
    assert COMMANDS[name].help.endswith(".")


def test_a_shell_is_offered_the_commands() -> None:
    offered = {item.value for item in cli.shell_complete(click.Context(cli), "e")}
    assert offered == {"engines", "evaluate", "export"}


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("stream-unmask e", "plain,engines plain,evaluate plain,export"),
        ("stream-unmask vid", "file,vid"),
        ("stream-unmask engines b", "plain,build"),
        ("stream-unmask video.mp4 --det", "plain,--detect-every"),
        ("stream-unmask video.mp4 --blend p", "plain,pyramid plain,poisson"),
    ],
)
def test_bash_completes_commands_files_and_options(words: str, offered: str) -> None:
    environment = {"_STREAM_UNMASK_COMPLETE": "bash_complete", "COMP_WORDS": words}
    environment["COMP_CWORD"] = str(len(words.split()) - 1)
    command = [sys.executable, "-m", "stream_unmask"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | environment, cwd=ROOT
    )
    assert done.stdout.split() == offered.split()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_documented_completion_is_a_script(shell: str) -> None:
    assert f"_STREAM_UNMASK_COMPLETE={shell}_source" in (ROOT / "docs" / "cli.md").read_text()
    environment = os.environ | {"_STREAM_UNMASK_COMPLETE": f"{shell}_source"}
    command = [sys.executable, "-m", "stream_unmask"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment, cwd=ROOT)
    assert f"_STREAM_UNMASK_COMPLETE={shell}_complete" in done.stdout


def test_a_source_tree_says_its_own_version(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text('[project]\nversion = "7.8"\n')
    assert _source_version(tmp_path / "pyproject.toml") == "7.8"
    assert _source_version(tmp_path / "nowhere.toml") == "unknown"
