"""The whole way of somebody with photos of their own: shards, training, figures, weights, no mask."""

from __future__ import annotations

import json
from pathlib import Path

import click
import numpy as np
from click.testing import CliRunner

from benchmarks.clips import astronaut, put_mask_on
from engines.contract import GENERATOR, read_weights
from stream_unmask.cli.main import cli
from stream_unmask.output.pictures import write_image
from stream_unmask.video.images import read_image
from trainer.packing.identities import is_held_out

_TOY = ("--batch=2", "--size=64", "--steps=2", "--threads=1", "--workers=0", "--init=bundled")


def _call(command: click.Command, *arguments: object) -> str:
    done = CliRunner().invoke(command, [str(each) for each in arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def test_photos_become_weights_that_unmask(tmp_path: Path) -> None:
    photos, faces, weights = (tmp_path / name for name in ("photos", "faces", "weights"))
    for person, photo in (("anna", astronaut(512)), ("bert", astronaut(512)[:, ::-1])):
        (photos / person).mkdir(parents=True)
        write_image(photos / person / "1.png", np.ascontiguousarray(photo))
    seed = next(
        each for each in range(99) if is_held_out("anna", 0.5, each) != is_held_out("bert", 0.5, each)
    )
    own = ("--name=mine", "--ids=folders", "--held-out=0.5", f"--seed={seed}", "--workers=1")
    said = _call(cli, "data", "pack", photos, "-o", faces, *own)
    assert "mine: 1 faces of 1 people\nval_mine: 1 faces of 1 people" in said

    run = tmp_path / "painter"
    _call(cli, "train", "painter", f"--data={faces}", f"--run={run}", *_TOY)
    assert (run / "best.pt").exists()
    figures = tmp_path / "not" / "there" / "yet" / "figures.json"
    asked = (f"--run={run}", f"--json={figures}", "--frames=0", "--threads=1")
    said = _call(cli, "evaluate", f"--data={faces}", *asked)
    assert "val_mine" in said
    assert "mean face" in said
    assert json.loads(figures.read_text())["contestants"]["painter"]["sets"]["val_mine"]["photos"] == 1

    wanted = (f"--data={faces}", f"--weights={weights}")
    said = _call(cli, "export", *wanted, f"--generator={run / 'best.pt'}")
    assert "no segmenter yet" in said
    _call(cli, "export", *wanted, "--segmenter=bundled")
    assert read_weights(weights, GENERATOR).size == 64
    masked, bare = (tmp_path / f"{name}.png" for name in ("masked", "bare"))
    write_image(masked, put_mask_on(astronaut(512), 1))
    _call(cli, masked, "-o", bare, "--weights", weights)
    changed = np.abs(read_image(bare).pixels.astype(int) - read_image(masked).pixels).max(2) > 8
    assert 0.01 < changed.mean() < 0.3
