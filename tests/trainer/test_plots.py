"""Curves of runs."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
from click.testing import CliRunner

from stream_unmask.cli.main import cli
from stream_unmask.errors import UnmaskError
from trainer.log import read_log


def _run(folder: Path, steps: int) -> Path:
    folder.mkdir()
    lines = [
        {"step": step, "seconds": 0.1, "waited": 0.0, "psnr": 10 + step, "loss": None}
        for step in range(steps)
    ]
    (folder / "log.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"step": 9')
    return folder


def test_the_command_draws_the_curves_of_runs(tmp_path: Path) -> None:
    runs = [str(_run(tmp_path / name, 4)) for name in ("one", "two")]
    done = CliRunner().invoke(cli, ["plot", *runs])
    assert done.exit_code == 0, done.output
    drawn = cv2.imdecode(np.fromfile(tmp_path / "one" / "plots.png", np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    assert len(np.unique(drawn.reshape(-1, 3), axis=0)) > 20


def test_a_line_that_was_cut_short_is_left_out(tmp_path: Path) -> None:
    assert [line["step"] for line in read_log(_run(tmp_path / "run", 3))] == [0, 1, 2]


def test_a_folder_without_a_log_is_said(tmp_path: Path) -> None:
    done = CliRunner().invoke(cli, ["plot", str(tmp_path)])
    assert isinstance(done.exception, UnmaskError)
