"""What the suite promises of itself."""

from __future__ import annotations

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


@pytest.mark.parametrize("name", SLOW)
def test_what_is_called_slow_is_there(name: str) -> None:
    path, _, test = name.partition("::")
    text = (ROOT / "tests" / path).read_text()
    assert f"def {test}(" in text if test else "def test_" in text
