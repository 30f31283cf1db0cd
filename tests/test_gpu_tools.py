"""What is packed for a machine with a GPU comes out whole, and no part of the checks takes all the time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from tests.support.waiting import GUARD

TOOLS = Path(__file__).parents[1] / "tools" / "gpu"


def test_networks_come_out_bit_for_bit(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    files = {Path("weights/odd.onnx"): os.urandom(100_001), Path("weights/more/small.onnx"): b"x"}
    for path, content in files.items():
        (here / path).parent.mkdir(parents=True, exist_ok=True)
        (here / path).write_bytes(content)
    command = [sys.executable, str(TOOLS / "networks.py")]
    packed = subprocess.run([*command, "pack", *files], cwd=here, capture_output=True, check=True).stdout
    (tmp_path / "packed").write_bytes(packed)
    there.mkdir()
    subprocess.run([*command, "unpack", tmp_path / "packed", there], check=True)
    assert {path: (there / path).read_bytes() for path in files} == files


@pytest.mark.skipif(shutil.which("timeout") is None, reason="the checks run where GNU's coreutils are")
def test_a_check_that_hangs_is_ended_and_what_is_left_is_named(tmp_path: Path) -> None:
    (tmp_path / ".gpu" / "checks").mkdir(parents=True)
    with tarfile.open(tmp_path / ".gpu" / "checks" / "site.tar.xz", "w:xz"):
        pass
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\ncase "$1" in *networks.py) exit 0 ;; esac\nexec sleep 600\n')
    python.chmod(0o755)
    out = tmp_path / "out"
    out.mkdir()
    environment = os.environ | {
        "OUT": str(out),
        "LIMIT": "6",
        "WORK": f"{tmp_path}/work",
        "PYTHON": str(python),
    }
    done = subprocess.run(
        ["bash", TOOLS / "checks.sh"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        timeout=GUARD,
    )
    assert done.returncode == 0
    said = (out / "checks.log").read_text()
    assert "what is there: ended with 124" in said
    for part in ("networks", "tests", "product", "frames"):
        assert f"{part}: no time left" in said
    assert said.rstrip().endswith("done")
