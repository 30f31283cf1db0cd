"""From a loss to changed weights, the same on one CPU, on one GPU and over many processes."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.wrappers import _FabricOptimizer
from torch import Tensor
from torch.optim import Optimizer


class Learner:
    """Steps a recipe's optimizers.

    Gradients are averaged over the processes here and not by wrapping the networks
    (DistributedDataParallel): recipes run a network many times before a loss, differentiate through
    gradients, and leave networks out of a step, all of which wrappers take badly.
    """

    def __init__(self, fabric: Fabric, optimizers: Mapping[str, Optimizer]) -> None:
        """Take over fresh optimizers.

        Args:
            fabric: launched; knows the device, the precision and the other processes.
            optimizers: by name, as :meth:`trainer.recipe.Recipe.optimizers` gives them.
        """
        self._fabric = fabric
        self._plain = dict(optimizers)
        for optimizer in self._plain.values():
            _fuse(optimizer)
        self._ready: dict[str, _FabricOptimizer] = {}
        for name, optimizer in optimizers.items():
            ready = fabric.setup_optimizers(optimizer)
            assert isinstance(ready, _FabricOptimizer)
            self._ready[name] = ready
        self.astray = False
        """Whether a gradient was not finite since this was last set to False; such a step changes nothing."""

    def __call__(self, name: str, loss: Tensor, clip: float = math.inf) -> None:
        """Learn one step from a loss.

        Args:
            name: of the optimizer to step.
            loss: a single number.
            clip: norm that the gradient over all the optimizer's weights is shortened to, if it is longer.
        """
        optimizer = self._plain[name]
        optimizer.zero_grad()
        with torch.autocast(loss.device.type, enabled=False):
            self._fabric.backward(loss)
        self._agree(optimizer)
        norm = self._fabric.clip_gradients(
            torch.nn.Module(), self._ready[name], max_norm=clip, error_if_nonfinite=False
        )
        finite = norm is not None and bool(torch.isfinite(norm))
        self.astray |= not finite
        if finite or self._scaled():
            self._ready[name].step()
        # Autocast keeps half-precision copies of the weights, which are now old.
        torch.clear_autocast_cache()

    @property
    def optimizers(self) -> dict[str, Optimizer]:
        """The optimizers as they were given."""
        return self._plain

    def restore(self, name: str, state: dict[str, Any]) -> None:
        """Load an optimizer's state, of a run on this kind of device or another.

        Raises:
            ValueError: it is of other weights.
        """
        optimizer = self._plain[name]
        for saved, ours in zip(state["param_groups"], optimizer.param_groups, strict=True):
            saved["fused"] = ours.get("fused")  # which says where steps are counted
        optimizer.load_state_dict(state)

    def scale_rates(self, factor: float) -> None:
        """Set each rate to ``factor`` of the ``initial_lr`` that its group names."""
        for optimizer in self._plain.values():
            for group in optimizer.param_groups:
                group["lr"] = group["initial_lr"] * factor

    def _agree(self, optimizer: Optimizer) -> None:
        """Average the gradients over all processes."""
        if self._fabric.world_size == 1:
            return
        weights = [weight for group in optimizer.param_groups for weight in group["params"]]
        for weight in weights:
            # What one process left out, another may have used: all must send alike.
            if weight.grad is None:
                weight.grad = torch.zeros_like(weight)
        average([weight.grad for weight in weights], self._fabric)

    def _scaled(self) -> bool:
        """In fp16 the scaler itself skips a step that is not finite, and learns from it."""
        return bool(self._fabric.strategy.precision.state_dict())


def _fuse(optimizer: Optimizer) -> None:
    """Have Adam change all weights in one kernel, where they are on a GPU.

    The constructor's ``fused`` would do so, too, and would leave out the shortening of fp16's gradients.
    """
    if not isinstance(optimizer, torch.optim.Adam):
        return
    for group in optimizer.param_groups:
        if all(weight.is_cuda for weight in group["params"]):
            group["fused"] = True


@torch.no_grad()
def average(tensors: list[Tensor], fabric: Fabric) -> None:
    """Replace each of the tensors (floating point) by its mean over all processes."""
    flat = torch.cat([tensor.reshape(-1) for tensor in tensors])
    mean = fabric.all_reduce(flat, reduce_op="mean")
    assert isinstance(mean, Tensor)
    parts = torch.split(mean, [tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        tensor.copy_(part.reshape(tensor.shape))
