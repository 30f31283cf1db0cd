"""Errors that a program can branch on, and what the command line adds to them."""

from __future__ import annotations

import ast
import pickle
import re
from pathlib import Path

import pytest

import stream_unmask
from engines.contract import SEGMENTER, read_weights
from engines.engine import EngineError as EnginesOwn
from stream_unmask import (
    EngineError,
    InputError,
    MissingExtraError,
    OutputError,
    OutputExistsError,
    UnmaskError,
    WeightsError,
)
from stream_unmask.cli.hints import with_hint
from stream_unmask.errors import missing_extra
from stream_unmask.video.files import check_output
from stream_unmask.video.images import read_image
from stream_unmask.video.source import open_source


@pytest.mark.parametrize(
    ("error", "builtin"),
    [
        (EngineError, RuntimeError),
        (InputError, OSError),
        (MissingExtraError, ImportError),
        (OutputError, OSError),
        (OutputExistsError, FileExistsError),
        (WeightsError, EngineError),
    ],
)
def test_every_error_is_an_unmask_error_and_the_fitting_builtin(
    error: type[UnmaskError], builtin: type[Exception]
) -> None:
    assert issubclass(error, UnmaskError)
    assert issubclass(error, builtin)
    assert error.__name__ in stream_unmask.__all__


def test_the_engines_error_is_the_one_that_a_user_catches() -> None:
    assert EnginesOwn is EngineError


def test_an_error_keeps_its_path_and_hint_over_a_process_border() -> None:
    error = OutputExistsError("a.mp4 exists already.", path=Path("a.mp4"), hint="overwrite")
    copy = pickle.loads(pickle.dumps(error))
    assert (str(copy), copy.path, copy.hint) == ("a.mp4 exists already.", "a.mp4", "overwrite")


def test_an_output_that_is_there_can_be_told_from_one_that_cannot_be(tmp_path: Path) -> None:
    there = tmp_path / "out.mp4"
    there.touch()
    with pytest.raises(OutputExistsError) as caught:
        check_output(there, None, overwrite=False)
    assert caught.value.path == str(there)
    assert with_hint(caught.value) == f"{there} exists already (add --overwrite)."
    with pytest.raises(OutputError, match="does not exist") as other:
        check_output(tmp_path / "nowhere" / "out.mp4", None, overwrite=True)
    assert not isinstance(other.value, OutputExistsError)
    assert with_hint(other.value) == str(other.value)


def test_input_that_is_missing_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError) as video:
        open_source(tmp_path / "gone.mp4")
    with pytest.raises(InputError) as picture:
        read_image(tmp_path / "gone.png")
    assert (video.value.path, picture.value.path) == (str(tmp_path / "gone.mp4"), str(tmp_path / "gone.png"))


def test_an_address_keeps_its_secrets_also_in_the_path() -> None:
    with pytest.raises(InputError) as caught:
        open_source("rtsp://user:secret@127.0.0.1:9/cam")
    assert "secret" not in f"{caught.value} {caught.value.path}"


def test_missing_weights_are_a_weights_error(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="missing"):
        read_weights(tmp_path, SEGMENTER)


@pytest.mark.parametrize(
    ("hint", "said"),
    [
        (None, "It is so."),
        ("precision=fp32", "It is so (add --precision fp32)."),
        ("min_face=20", "It is so (add --min-face 20)."),
        ("stream-unmask quantize", "It is so (run stream-unmask quantize)."),
    ],
)
def test_a_hint_is_what_to_type(hint: str | None, said: str) -> None:
    assert with_hint(UnmaskError("It is so.", hint=hint)) == said


@pytest.fixture(scope="module")
def made() -> dict[Path, list[ast.Call]]:
    """The calls that make errors, as far as their sentence stands in them, by module from the root."""
    root = Path(stream_unmask.__file__).parents[1]
    paths = [path for name in ("stream_unmask", "engines", "trainer") for path in (root / name).rglob("*.py")]
    return {
        path.relative_to(root): [
            node
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id.endswith("Error")
            and node.args
        ]
        for path in paths
    }


def test_the_library_says_what_is_and_not_what_to_type(made: dict[Path, list[ast.Call]]) -> None:
    said = [
        (path.name, ast.unparse(call.args[0]))
        for path, calls in made.items()
        for call in calls
        if "cli" not in path.parts
    ]
    assert len(said) > 100
    typed = re.compile(r"--[a-z]{2}|\bstream-unmask [a-z]+")
    assert [each for each in said if typed.search(each[1])] == []


PUBLIC = {name for name in stream_unmask.__all__ if name.endswith("Error")} - {"MissingExtraError"}
PLACES = {"path", "folder", "run", "output", "source", "data", "place", "bunches", "shown", "kept", "video"}
"""What a variable is called that holds a file, a folder or an address."""


def names_a_place(sentence: ast.expr) -> bool:
    """Whether a variable goes into a sentence that is called like a place."""
    within = [
        node
        for value in ast.walk(sentence)
        if isinstance(value, ast.FormattedValue)
        for node in ast.walk(value)
    ]
    names = [node.id for node in within if isinstance(node, ast.Name)]
    names += [node.attr.strip("_") for node in within if isinstance(node, ast.Attribute)]
    return bool(PLACES & set(names))


def test_an_error_that_names_a_file_has_it_as_its_path(made: dict[Path, list[ast.Call]]) -> None:
    without = [
        (str(path), call.lineno, ast.unparse(call.args[0]))
        for path, calls in made.items()
        for call in calls
        if isinstance(call.func, ast.Name)
        and call.func.id in PUBLIC
        and names_a_place(call.args[0])
        and "path" not in {keyword.arg for keyword in call.keywords}
    ]
    assert without == []


def test_a_missing_module_of_an_extra_is_a_sentence_and_another_is_not() -> None:
    wanted = missing_extra(ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn"))
    assert str(wanted) == "This needs torch, which is not installed: pip install 'stream-unmask[train]'."
    assert wanted is not None
    assert with_hint(wanted) == str(wanted)
    assert (
        missing_extra(ModuleNotFoundError("No module named 'stream_unmask.x'", name="stream_unmask.x"))
        is None
    )
