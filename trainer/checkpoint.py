"""A run's files: the last checkpoint to go on from, the best weights, and reading them again."""

from __future__ import annotations

import io
import os
import time
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save
from torch import nn

from engines.whole import replacing
from stream_unmask.errors import UnmaskError
from stream_unmask.whole import write_whole

LAST = "checkpoint.pt"
"""Everything that :meth:`trainer.loop.Loop.resume` needs."""

AVERAGED = "averaged.safetensors"
"""The averaged weights alone, for what only wants these."""

BEST = "best.pt"
"""The averaged weights that did best on the held-out pairs."""


def write_checkpoint(state: dict[str, Any], path: Path) -> None:
    """Write ``state`` whole or not at all: what lay at ``path`` stays until the new one is on the disk.

    Raises:
        UnmaskError: it cannot be written, e.g. because the disk is full.
    """
    # By way of memory: on a full disk PyTorch's own writer ends the process.
    data = io.BytesIO()
    torch.save(state, data)
    try:
        with replacing(path) as part, part.open("wb") as file:
            file.write(data.getbuffer())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        kept = "the one before it is whole" if path.exists() else "there is none yet"
        sentence = f"Cannot write the checkpoint {path} ({error.strerror}); {kept}."
        raise UnmaskError(sentence, path=path, hint="resume" if path.exists() else None) from error


def write_averaged(network: nn.Module, run: Path, step: int, spent: float) -> None:
    """Write an averaged network's weights alone, whole or not at all.

    Args:
        network: with the averaged weights.
        run: folder of the run.
        step: how many steps were done.
        spent: how many seconds of training.

    Raises:
        UnmaskError: they cannot be written, e.g. because the disk is full.
    """
    weights = {name: values.detach().cpu().contiguous() for name, values in network.state_dict().items()}
    write_whole(run / AVERAGED, save(weights, {"step": str(step), "spent": str(spent)}))


def read_checkpoint(run: Path) -> dict[str, Any]:
    """A run's last checkpoint, or the very file if ``run`` is one, on the CPU.

    Such a file is ``best.pt`` or ``averaged.safetensors``, which hold less.

    Raises:
        UnmaskError: there is none, or it is damaged.
    """
    path = run if run.is_file() else run / LAST
    if not path.exists():
        raise UnmaskError(f"There is no checkpoint in {run}.", path=run)
    try:
        if path.suffix == ".safetensors":
            return _read_averaged(path)
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises whatever its unpickler stumbles over
        raise UnmaskError(f"{path} is not a checkpoint, or damaged.", path=path) from error
    return state


def _read_averaged(path: Path) -> dict[str, Any]:
    with safe_open(path, "pt") as file:
        about = file.metadata()
        weights = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    return {"averaged": weights, "step": int(about["step"]), "spent": float(about["spent"])}


def load_averaged(network: nn.Module, run: Path) -> None:
    """Put a run's averaged weights into ``network``.

    Args:
        network: of the run's architecture.
        run: folder of the run, its ``best.pt`` or its ``averaged.safetensors``.

    Raises:
        UnmaskError: the run has no checkpoint, or it is of another network.
    """
    state = read_checkpoint(run)
    try:
        network.load_state_dict(state["averaged"])
    except (KeyError, RuntimeError) as error:
        raise UnmaskError(f"The checkpoint in {run} is of another network.", path=run) from error


def run_summary(run: Path) -> str:
    """A run in one line: its name, its steps and minutes, the day of its last checkpoint."""
    state = read_checkpoint(run)
    path = run if run.is_file() else run / LAST
    day = time.strftime("%Y-%m-%d", time.gmtime(path.stat().st_mtime))
    name = run.parent.name if run.is_file() else run.name
    return f"{name}: {state['step']} steps in {state['spent'] / 60:.0f} minutes, {day}"
