"""Tables, a JSON file and pictures of an evaluation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from stream_unmask.errors import UnmaskError
from stream_unmask.whole import write_whole
from trainer.evaluation import realism
from trainer.evaluation.contestants import Contestant
from trainer.evaluation.heldout import SEED, HeldOut
from trainer.evaluation.perceptual import lacking
from trainer.evaluation.real import RealScore
from trainer.evaluation.score import FIGURES, Score, answer
from trainer.evaluation.steadiness import Steadiness

Bytes = NDArray[np.uint8]

_AS_A_CROWD = ("kernel", "swd", "other_sex", "older", "identity", "lpips", "fid")
"""Figures of the faces' looks, which have a table of their own: all in one would be too wide to be read."""


@dataclass(slots=True)
class Evaluation:
    """All that was measured of one contestant."""

    sets: dict[str, Score] = field(default_factory=dict)
    steadiness: Steadiness | None = None
    real: RealScore | None = None


def show(results: dict[str, Evaluation], console: Console, *, groups: bool) -> None:
    """Print the tables."""
    face_by_face = [name for name in FIGURES if name not in _AS_A_CROWD]
    console.print(_sets_table(results, "held-out faces", face_by_face))
    console.print(_sets_table(results, "held-out faces: how they look", _AS_A_CROWD))
    steady = _table("steadiness", "contestant", list(Steadiness.__dataclass_fields__))
    real = _table("real masks", "contestant", list(RealScore.__dataclass_fields__))
    for name, result in results.items():
        if result.steadiness is not None:
            steady.add_row(name, *(f"{value:.2f}" for value in asdict(result.steadiness).values()))
        if result.real is not None:
            real.add_row(name, *(_number(value) for value in asdict(result.real).values()))
    for table in (steady, real):
        if table.row_count:
            console.print(table)
    if groups:
        console.print(_groups_table(results))
    for measure, reason in _not_measured().items():
        console.print(f"{measure} was not measured: {reason}.", style="dim")


def write_json(results: dict[str, Evaluation], path: Path) -> None:
    """Everything that was measured, for other programs."""
    figures: dict[str, Any] = {
        "seed": SEED,
        "figures": FIGURES,
        "not_measured": _not_measured(),
        "contestants": {name: asdict(result) for name, result in results.items()},
    }
    write_whole(path, (json.dumps(figures, indent=2) + "\n").encode())


def _not_measured() -> dict[str, str]:
    """Measures that could not be taken, and what each lacks."""
    return lacking() | ({} if realism.is_there() else {"kernel": realism.LACKING})


def write_picture(picture: Bytes, path: Path) -> None:
    """An RGB picture as PNG, whole or not at all."""
    done, coded = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    if not done:
        raise UnmaskError(f"Cannot draw {path}.", path=path)
    write_whole(path, coded.tobytes())


def sheet(contestants: Sequence[Contestant], faces: Sequence[HeldOut]) -> Bytes:
    """A row for each face: crop; mask, inpainted and finished crop of each contestant; truth."""
    columns = [np.stack([face.crop for face in faces])]
    for contestant in contestants:
        made = answer(contestant, faces)
        masks = np.repeat((made.masks * 255).astype(np.uint8)[..., None], 3, axis=3)
        columns += [masks, np.clip(made.inpainted, 0, 255).astype(np.uint8), np.stack(made.finished)]
    columns.append(np.stack([face.truth for face in faces]))
    return np.hstack([column.reshape(-1, *column.shape[2:]) for column in columns])


def _sets_table(results: dict[str, Evaluation], title: str, names: Sequence[str]) -> Table:
    """A table of some figures of each set, those that were measured of any."""
    scores = [score for result in results.values() for score in result.sets.values()]
    columns = [name for name in names if any(name in score.figures for score in scores)]
    table = _table(title, "set", ["contestant", "photos", *columns])
    for name in dict.fromkeys(name for result in results.values() for name in result.sets):
        for contestant, result in results.items():
            if (score := result.sets.get(name)) is not None:
                figures = [_number(score.figures.get(column)) for column in columns]
                table.add_row(name, contestant, str(score.photos), *figures)
        table.add_section()
    return table


def _groups_table(results: dict[str, Evaluation]) -> Table:
    """In-mask PSNR of each group of all sets together, and the IoU of the masks found in it."""
    table = _table("groups: in-mask PSNR in dB, IoU of the found mask", "group", ["photos", *results])
    pooled: dict[str, dict[str, list[tuple[float, dict[str, float]]]]] = {}
    for contestant, result in results.items():
        for score in result.sets.values():
            for group, figures in score.groups.items():
                pooled.setdefault(group, {}).setdefault(contestant, []).append((figures["photos"], figures))
    for group, by_contestant in sorted(pooled.items()):
        photos = sum(count for count, _ in next(iter(by_contestant.values())))
        cells = []
        for contestant in results:
            parts = by_contestant.get(contestant, [])
            means = [
                sum(count * figures[name] for count, figures in parts) / photos
                for name in ("inside", "iou")
                if all(name in figures for _, figures in parts)
            ]
            cells.append(" ".join(_number(mean) for mean in means))
        table.add_row(group, f"{photos:.0f}", *cells)
    return table


def _table(title: str, first: str, columns: Sequence[str]) -> Table:
    table = Table(title=title, title_justify="left", pad_edge=False)
    table.add_column(first, no_wrap=True)
    for column in columns:
        table.add_column(column, justify="left" if column == "contestant" else "right", no_wrap=True)
    return table


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else f"{value:.3f}"
