"""What a run's folder says of the run: its recipe, its settings, the side of its crops."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from stream_unmask.errors import UnmaskError

BUNDLED = Path("bundled")
"""In place of a run: what comes with the program."""

_ABOUT = "recipe.json"


def describe(run: Path, recipe: str, size: int, changes: Sequence[str], **others: object) -> None:
    """Note in a run's folder what is trained in it and how, for whoever reads its weights and for going on.

    Args:
        run: folder of the run.
        recipe: its name.
        size: side of the crops in pixels.
        changes: what ``--set`` changed.
        others: the training's other options, by their names.

    Raises:
        UnmaskError: the folder cannot be written.
    """
    about = {"recipe": recipe, "size": size, "changes": list(changes)} | others
    try:
        run.mkdir(parents=True, exist_ok=True)
        (run / _ABOUT).write_text(json.dumps(about, default=str) + "\n")
    except OSError as error:
        raise UnmaskError(f"Cannot write to {run}: {error.strerror}.", path=run) from error


def size_of(run: Path) -> int:
    """Side of the crops in pixels that a run learnt from.

    Args:
        run: folder of the run, or a file in it: ``best.pt``, ``averaged.safetensors``.

    Raises:
        UnmaskError: the folder is not that of a run.
    """
    return int(description(run)["size"])


def description(run: Path) -> dict[str, Any]:
    """What :func:`describe` noted of a run.

    Args:
        run: folder of the run, or a file in it: ``best.pt``, ``averaged.safetensors``.

    Raises:
        UnmaskError: the folder is not that of a run.
    """
    folder = run.parent if run.is_file() else run
    try:
        return dict(json.loads((folder / _ABOUT).read_text()))
    except (OSError, ValueError, TypeError) as error:
        raise UnmaskError(
            f"{run} is not the folder of a training run: its {_ABOUT} cannot be read.", path=run
        ) from error
