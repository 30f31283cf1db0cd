"""The bundled networks as PyTorch networks again, to train on from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from engines.contract import GENERATOR, SEGMENTER, Network
from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.errors import UnmaskError
from trainer.networks.guided import GuidedGenerator
from trainer.networks.segmenter import UNetSegmenter

Kind = TypeVar("Kind", bound=nn.Module)


def bundled_segmenter(folder: Path = BUNDLED_WEIGHTS) -> UNetSegmenter:
    """The segmenter of a folder of weights, in evaluation mode.

    Raises:
        UnmaskError: there is none, or it is of another architecture.
    """
    return _revive(UNetSegmenter(), SEGMENTER, folder)


def bundled_generator(folder: Path = BUNDLED_WEIGHTS) -> GuidedGenerator:
    """The generator of a folder of weights, in evaluation mode.

    Raises:
        UnmaskError: there is none, or it is of another architecture.
    """
    return _revive(GuidedGenerator(), GENERATOR, folder)


@torch.no_grad()
def revive_norms(network: nn.Module, batches: Sequence[Tensor]) -> None:
    """Let batch norms that export folded away norm again, without changing what the network does.

    Each norm's scale and shift become what its input has over ``batches``, so that training, which norms
    each batch by itself, begins where the folded network stood.

    Args:
        network: with norms that do nothing, as :func:`bundled_segmenter` gives it.
        batches: N,C,S,S inputs of the network, at least some dozens in all.
    """

    def measure(norm: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        assert isinstance(norm, nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        variance, mean = torch.var_mean(inputs[0], (0, 2, 3))
        norm.bias.add_(mean)
        norm.weight.copy_((variance + norm.eps).sqrt())
        norm.running_mean.copy_(mean)
        norm.running_var.copy_(variance)

    norms = [part for part in network.modules() if isinstance(part, nn.BatchNorm2d)]
    hooks = [norm.register_forward_pre_hook(measure) for norm in norms]
    network.eval()(torch.cat(list(batches)))
    for hook in hooks:
        hook.remove()


def _revive(network: Kind, kind: Network, folder: Path) -> Kind:
    path = folder / f"{kind.name}.onnx"
    try:
        graph = onnx.load(path).graph
    except OSError as error:
        raise UnmaskError(f"There is no {kind.name} in {folder}.", path=folder) from error
    stored = {
        each.name: torch.from_numpy(np.array(numpy_helper.to_array(each))) for each in graph.initializer
    }
    # Export leaves out biases that are zero.
    unbiased = {node.input[1] for node in graph.node if node.op_type == "Conv" and len(node.input) == 2}
    state = network.state_dict()
    for weight in unbiased & state.keys():
        bias = weight.removesuffix("weight") + "bias"
        if bias in state:
            stored[bias] = torch.zeros_like(state[bias])
    folded = {name.removesuffix("1.running_mean") for name in state if name.endswith("1.running_mean")}
    for name in state:
        norm = name.rsplit(".", 2)[0] + "."
        if norm in folded and name.startswith(norm + "1."):
            continue
        if name not in stored or stored[name].shape != state[name].shape:
            raise UnmaskError(f"{path} is not of the architecture that this trainer trains.", path=path)
        state[name] = stored[name]
    for norm in folded:
        state[norm + "1.running_mean"].zero_()
        state[norm + "1.running_var"].fill_(1 - 1e-5)
        state[norm + "1.weight"].fill_(1)
        state[norm + "1.bias"] = stored[norm + "0.bias"]
    network.load_state_dict(state)
    return network.eval()
