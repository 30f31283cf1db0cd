"""What a machine with a GPU has of what the checks need, and whether cuDNN's fused kernel can be trusted."""

from __future__ import annotations

import importlib
import sys
from typing import Any

import click

_MODULES = (
    "torch triton numpy numba cv2 onnx onnxruntime onnxscript skimage lightning_fabric pytest xdist "
    "pytest_timeout rich click cuda.bindings pynvml av openvino"
)


def main() -> None:
    """Print it all."""
    click.echo(f"Python {sys.version.split()[0]}, " + ", ".join(map(_version, _MODULES.split())))
    import torch

    if not torch.cuda.is_available():
        click.echo("torch finds no GPU")
        return
    capability = ".".join(map(str, torch.cuda.get_device_capability()))
    click.echo(f"{torch.cuda.get_device_name()}, {capability}, cuDNN {torch.backends.cudnn.version()}")
    for dtype in (torch.half, torch.bfloat16, torch.float32):
        click.echo(f"convolution, bias and ReLU in one kernel, {dtype}: {_fused(dtype)}")


def _version(module: str) -> str:
    try:
        return f"{module} {getattr(importlib.import_module(module), '__version__', '')}".strip()
    except Exception as error:
        return f"{module} FAILED ({error!r:.150})"


def _fused(dtype: Any) -> str:
    """The difference from three kernels; whether what lay in the output's memory shows through."""
    import torch

    layout = torch.channels_last
    x = torch.randn(8, 32, 96, 96, device="cuda").to(dtype, memory_format=layout)
    weight = torch.randn(32, 32, 3, 3, device="cuda").to(dtype, memory_format=layout)
    bias = torch.randn(32, device="cuda").to(dtype)
    wanted = torch.relu(torch.conv2d(x, weight, bias, padding=1))
    try:
        first = torch.cudnn_convolution_relu(x, weight, bias, [1, 1], [1, 1], [1, 1], 1)
        place = first.fill_(torch.nan).data_ptr()
        del first
        made = torch.cudnn_convolution_relu(x, weight, bias, [1, 1], [1, 1], [1, 1], 1)
        over = "over NaN" if made.data_ptr() == place else "elsewhere"
        return f"differs by {(made - wanted).abs().max():.3g} of {wanted.abs().max():.3g}, {over}"
    except RuntimeError as error:
        return f"refused: {error}"


if __name__ == "__main__":
    main()
