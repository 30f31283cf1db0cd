"""A Python of its own in which some packages cannot be imported."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

_BLOCK = """
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {names}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
"""


def run_without(names: tuple[str, ...], code: str) -> str:
    """Run ``code`` where packages of these ``names`` are missing; returns what it printed."""
    whole = _BLOCK.format(names=set(names)) + code
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", whole], cwd=root, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
