"""What is written takes its place whole, or nothing changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from engines.engine import with_open_as_one
from engines.parity import psnr
from engines.whole import replacing


def test_what_is_written_appears_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    path = tmp_path / "network.onnx"
    path.write_text("old")
    with replacing(path) as part:
        part.write_text("new")
        assert part.suffix == ".onnx"
        assert path.read_text() == "old"
    assert [each.name for each in tmp_path.iterdir()] == ["network.onnx"]
    assert path.read_text() == "new"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_what_breaks_off_leaves_what_was_there(error: type[BaseException], tmp_path: Path) -> None:
    path = tmp_path / "notes.json"
    path.write_text("old")
    with pytest.raises(error), replacing(path) as part:  # noqa: PT012
        part.write_text("half")
        raise error
    assert [each.name for each in tmp_path.iterdir()] == ["notes.json"]
    assert path.read_text() == "old"


def test_decibels_count_the_span_and_end_at_what_is_equal() -> None:
    assert psnr(np.full((2, 3), 0.2, np.float32), 2.0) == pytest.approx(20.0, abs=1e-4)
    assert psnr(np.full(5, 25.5, np.float32), 255.0) == pytest.approx(20.0, abs=1e-4)
    assert psnr(np.zeros(4, np.float32), 1.0) == 120.0
    assert psnr(np.zeros(0, np.float32), 1.0) == 0.0


def test_open_sides_of_a_shape_are_one() -> None:
    assert with_open_as_one(("batch", 3, 0, 256, None, -1)) == (1, 3, 1, 256, 1, 1)
