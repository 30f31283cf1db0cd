"""What the suite promises of itself."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.slow import SLOW

ROOT = Path(__file__).parents[1]

_TESTS = """
import pytest

@pytest.mark.gpu
@pytest.mark.skipif(True, reason="there is no GPU")
def test_a():
    pass

@pytest.mark.gpu
def test_b():
    pytest.skip("the driver broke")

@pytest.mark.gpu
@pytest.mark.xfail(reason="known")
def test_c():
    raise AssertionError

@pytest.mark.skipif(True, reason="no such machine")
def test_d():
    pass
"""


def _run(folder: Path, fail_on_skip: str) -> str:
    (folder / "conftest.py").write_text("from tests.support.skips import pytest_runtest_makereport\n")
    (folder / "test_it.py").write_text(_TESTS)
    (folder / "pytest.ini").write_text("[pytest]\nmarkers = gpu: needs one\n")
    environment = os.environ | {"FAIL_ON_SKIP": fail_on_skip, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", str(folder)]
    done = subprocess.run(command, env=environment, cwd=folder, capture_output=True, text=True, check=False)
    return done.stdout


@pytest.mark.parametrize("names", ["gpu", "server, gpu"])
def test_a_skip_fails_where_its_marker_is_named(names: str, tmp_path: Path) -> None:
    output = _run(tmp_path, names)
    # A skip by a mark comes before the test itself: an error, to pytest.
    assert "1 failed, 1 skipped, 1 xfailed, 1 error" in output
    assert "FAIL_ON_SKIP names 'gpu', but: Skipped: there is no GPU" in output
    assert "the driver broke" in output


def test_a_skip_stays_one_where_its_marker_is_not_named(tmp_path: Path) -> None:
    assert "3 skipped, 1 xfailed" in _run(tmp_path, "server")


_WAITS = {"until", "wait_until"}
"""What fails when that never comes which it waits for."""


def _checks(node: ast.AST, helpers: set[str]) -> bool:
    """Whether something in it can fail: an assertion, an error that must come, or a helper that has one."""
    for each in ast.walk(node):
        if isinstance(each, ast.Assert):
            return True
        name = each.id if isinstance(each, ast.Name) else each.attr if isinstance(each, ast.Attribute) else ""
        if name in {"raises", "fail"} or name in helpers or name.startswith("assert_"):
            return True
    return False


@pytest.mark.parametrize("path", sorted((ROOT / "tests").rglob("test_*.py")), ids=lambda path: path.stem)
def test_every_test_can_fail(path: Path) -> None:
    tree = ast.parse(path.read_text())
    functions = [each for each in ast.walk(tree) if isinstance(each, ast.FunctionDef)]
    helpers = _WAITS | {
        each.name for each in functions if not each.name.startswith("test_") and _checks(each, _WAITS)
    }
    tests = [each for each in functions if each.name.startswith("test_")]
    assert [each.name for each in tests if not _checks(each, helpers)] == []


@pytest.mark.parametrize("name", SLOW)
def test_what_is_called_slow_is_there(name: str) -> None:
    path, _, test = name.partition("::")
    text = (ROOT / "tests" / path).read_text()
    assert f"def {test}(" in text if test else "def test_" in text
