"""Weights that come with the program are found by name, and folders by path."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from engines import load_network
from engines.contract import NETWORKS, has_weights, read_weights
from engines.engine import EngineError
from stream_unmask import Settings, Unmasker, UnmaskError
from stream_unmask.bundled import BUNDLED_SETS, BUNDLED_WEIGHTS, BundledSet, weights_folder
from stream_unmask.cli.export import export
from stream_unmask.cli.main import cli
from stream_unmask.networks import Networks
from tests.inpainting.wearing import with_wearer, without_wearer

OPEN = BUNDLED_SETS["open"].folder


@pytest.fixture
def open_weights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A bundled set of another folder, which puts no masks on."""
    folder = without_wearer(tmp_path / "bundled")
    monkeypatch.setitem(BUNDLED_SETS, "open", BundledSet(folder, "for everyone"))
    monkeypatch.chdir(tmp_path)
    return folder


def run(*words: str) -> str:
    """What a command says of it, or the sentence that it fails with."""
    result = CliRunner().invoke(cli, words)
    return result.output if result.exit_code in (0, 2) else str(result.exception)


@pytest.mark.parametrize("name", [name for name, each in BUNDLED_SETS.items() if each.folder.is_dir()])
def test_each_set_is_whole_and_fits_the_contract(name: str) -> None:
    folder = weights_folder(name)
    held = [each for each in NETWORKS if has_weights(folder, each, "fp32")]
    assert len(held) >= 2
    for network in held:
        load_network(folder, network, backend="onnxruntime", threads=1)
    if has_weights(folder, held[0], "int8"):
        read_weights(folder, held[0], "int8")
    assert (folder / "README.md").is_file()


def test_a_name_is_a_set_and_a_path_a_folder() -> None:
    assert weights_folder(None) == weights_folder("default") == BUNDLED_WEIGHTS
    assert weights_folder("open") == OPEN
    assert weights_folder("./open") == weights_folder(Path("open")) == Path("open")


def test_commands_take_names_and_folders(open_weights: Path) -> None:
    def planned(weights: str) -> str:
        return run("engines", "build", "--weights", weights, "--dry-run")

    assert "Wearer" in planned("default")
    assert "Wearer" not in planned("open")
    assert "neither default nor open nor a folder" in planned("./open")
    with_wearer(open_weights.parent / "open")
    assert "Wearer" not in planned("open")
    assert "Wearer" in planned("./open")


def test_what_does_the_work_is_the_set_that_was_named(open_weights: Path) -> None:
    (open_weights / "segmenter.onnx").unlink()
    with pytest.raises(EngineError, match=r"bundled/segmenter\.onnx is missing"):
        Networks.load(Settings(weights="open"))
    Path("in.mp4").touch()
    assert "bundled/segmenter.onnx is missing" in run("unmask", "in.mp4", "--weights", "open")
    assert "bundled/segmenter.onnx is missing" in run("sheet", "in.mp4", "--weights", "open")


def test_what_puts_masks_on_is_named(open_weights: Path) -> None:
    with pytest.raises(UnmaskError, match="cannot put masks on; those of the set default can"):
        Unmasker(Settings(wear=True, weights="open"))


def test_doctor_lists_the_sets(open_weights: Path) -> None:
    lines = [line.split() for line in run("doctor").splitlines()]
    assert ["Weights:", "open", "for", "everyone"] in lines
    assert [line[0] for line in lines].count("wearer") == 1
    assert [line[0] for line in lines].count("generator") == 2


def test_an_export_goes_to_the_set_that_is_named(open_weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = []
    monkeypatch.setattr(
        "stream_unmask.cli.export.export_wearer", lambda data, run, weights, note: gone.append(weights)
    )
    for weights in ("open", "./open"):
        words = ["--data", "faces", "--wearer", "run", "--weights", weights]
        assert CliRunner().invoke(export, words).exit_code == 0
    assert gone == [open_weights, Path("open")]
