"""What to compute on, how exactly, and with whom."""

from __future__ import annotations

import os
from typing import Literal

import torch
from lightning_fabric import Fabric

from stream_unmask.errors import UnmaskError

PrecisionName = Literal["auto", "32", "bf16", "16"]
_FABRIC_NAMES: dict[str, Literal["32-true", "bf16-mixed", "16-mixed"]] = {
    "32": "32-true",
    "bf16": "bf16-mixed",
    "16": "16-mixed",
}


def make_fabric(precision: PrecisionName = "auto") -> Fabric:
    """The GPU if there is one, else the CPU; with the other processes if torchrun started this one.

    Args:
        precision: of the arithmetic; the weights stay float32. ``auto`` takes bfloat16 where the device
            computes in it, else float16 on a GPU and float32 on a CPU.

    Raises:
        UnmaskError: float16 is asked for on a CPU, which has no use for it.
    """
    on_gpu = torch.cuda.is_available()
    if precision == "16" and not on_gpu:
        raise UnmaskError("A CPU does not train in float16.", hint="precision=auto")
    # torchrun says how many processes there are, here and in all.
    here, in_all = int(os.environ.get("LOCAL_WORLD_SIZE", 1)), int(os.environ.get("WORLD_SIZE", 1))
    fabric = Fabric(
        accelerator="cuda" if on_gpu else "cpu",
        devices=here,
        num_nodes=in_all // here,
        strategy="ddp" if in_all > 1 else "auto",
        precision=_FABRIC_NAMES[_best_precision(on_gpu) if precision == "auto" else precision],
    )
    fabric.launch()
    return fabric


def default_workers() -> int:
    """Processes that make samples, for each process that trains: all cores but one, at least one."""
    return max(1, (os.cpu_count() or 1) // int(os.environ.get("LOCAL_WORLD_SIZE", 1)) - 1)


def _best_precision(on_gpu: bool) -> Literal["32", "bf16", "16"]:
    if on_gpu:
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "16"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() else "32"
