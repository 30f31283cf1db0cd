"""A PyTorch network as an ONNX file, held against the network before it takes its place."""

from __future__ import annotations

import hashlib
import logging
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from engines.contract import Network, WeightsFile, enter_weights
from engines.engine import EngineError
from engines.parity import Agreement, psnr
from engines.whole import replacing

if TYPE_CHECKING:
    from torch import Tensor, nn

OPSET = 18
LARGEST = 25_000_000
"""Bytes that a network's file may have."""

_WORST = 2e-3
"""Largest difference of a value between PyTorch and ONNX Runtime that passes; values span 2."""


def fold_norms(network: nn.Module) -> nn.Module:
    """A copy of ``network`` in evaluation mode whose batch norms are folded into its convolutions."""
    from copy import deepcopy

    from torch import nn
    from torch.nn.utils.fusion import fuse_conv_bn_eval

    folded = deepcopy(network).eval()
    for part in folded.modules():
        if not isinstance(part, nn.Sequential):
            continue
        for place in range(len(part) - 1):
            first, second = part[place], part[place + 1]
            if isinstance(first, nn.Conv2d) and isinstance(second, nn.BatchNorm2d):
                part[place] = fuse_conv_bn_eval(first, second)
                part[place + 1] = nn.Identity()
    return folded


def compare(network: nn.Module, path: Path, samples: tuple[Tensor, ...]) -> Agreement:
    """Run ``samples`` through PyTorch and through ONNX Runtime.

    Args:
        network: the trained network.
        path: its exported file.
        samples: one batch of N for each of its inputs, in order.

    Raises:
        EngineError: the exported network gives something that is not a number.
    """
    import onnxruntime
    import torch

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feeds = {port.name: sample.numpy() for port, sample in zip(session.get_inputs(), samples, strict=True)}
    with torch.no_grad():
        made = network.eval()(*samples)
    outputs = made if isinstance(made, tuple) else (made,)
    worst, nearness = 0.0, np.inf
    for found, wanted in zip(session.run(None, feeds), outputs, strict=True):
        if not np.isfinite(found).all():
            raise EngineError(f"{path.name} gives values that are not numbers.", path=path)
        gap = np.abs(found - wanted.numpy())
        worst, nearness = max(worst, float(gap.max())), min(nearness, psnr(gap, 2.0))
    return Agreement(worst, nearness)


def export_network(
    network: nn.Module, kind: Network, folder: Path, run: str, samples: tuple[Tensor, ...]
) -> Agreement:
    """Write one network as ``<folder>/<name>.onnx`` and enter it into the manifest.

    The file is checked before it takes the old one's place, and the manifest changes last.

    Args:
        network: the trained network, batch norms and all.
        kind: which one it is.
        folder: of the weights; made if need be.
        run: where the weights come from, for the manifest.
        samples: what to compare on, one batch of N in the contract's ranges for each input, the crop first.

    Raises:
        EngineError: the exported file is too large or does not do what the network does.
    """
    import torch

    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{kind.name}.onnx"
    one = tuple(sample[:2].contiguous() for sample in samples)
    # PyTorch warns of what it does inside itself, and of packages that nothing here needs.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with replacing(path) as part:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            torch.onnx.export(
                fold_norms(network),
                one,
                str(part),
                input_names=list(kind.inputs),
                output_names=list(kind.outputs),
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                dynamic_shapes=tuple({0: torch.export.Dim("batch")} for _ in one),
                verbose=False,
            )
        agreement = compare(network, part, samples)
        if agreement.worst > _WORST or part.stat().st_size > LARGEST:
            raise EngineError(
                f"{path.name} is not fit for use: {agreement}, {part.stat().st_size} bytes.", path=path
            )
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    enter_weights(WeightsFile(path, sha256, int(samples[0].shape[-1]), run), kind)
    return agreement
