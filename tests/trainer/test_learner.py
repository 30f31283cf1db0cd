"""One step of learning, in every precision."""

from __future__ import annotations

import math

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision

from trainer.devices import PrecisionName, make_fabric
from trainer.learner import Learner


def _one_weight(fabric: Fabric) -> tuple[torch.Tensor, Learner]:
    weight = torch.zeros(1, requires_grad=True)
    optimizer = torch.optim.SGD([{"params": [weight], "initial_lr": 1.0}], 1.0)
    return weight, Learner(fabric, {"network": optimizer})


def test_a_long_gradient_is_shortened() -> None:
    weight, learn = _one_weight(make_fabric("32"))
    learn("network", (8 * weight).sum(), clip=1.0)
    assert weight.item() == pytest.approx(-1)
    learn("network", (8 * weight).sum())
    assert weight.item() == pytest.approx(-9)


def test_rates_follow_the_schedule() -> None:
    weight, learn = _one_weight(make_fabric("32"))
    learn.scale_rates(0.25)
    learn("network", weight.sum())
    assert weight.item() == pytest.approx(-0.25)


def test_float16_looks_for_its_scale_and_loses_no_weights_on_the_way() -> None:
    scaler = torch.amp.GradScaler("cpu", init_scale=1024.0)
    fabric = Fabric(accelerator="cpu", plugins=MixedPrecision("16-mixed", "cpu", scaler))
    weight, learn = _one_weight(fabric)
    learn("network", (math.inf * (weight + 1)).sum(), clip=1.0)
    assert learn.astray
    assert (weight.item(), scaler.get_scale()) == (0, 512)
    learn.astray = False
    learn("network", (4 * weight).sum(), clip=1.0)
    assert not learn.astray
    assert weight.item() == pytest.approx(-1, abs=1e-5)


def test_new_weights_are_seen_in_the_same_step_under_autocast() -> None:
    fabric = make_fabric("bf16")
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.ones_(layer.weight)
    optimizer = torch.optim.SGD([{"params": list(layer.parameters()), "initial_lr": 1.0}], 1.0)
    learn = Learner(fabric, {"network": optimizer})
    with fabric.autocast():
        before = layer(torch.ones(1, 1))
        learn("network", before.sum())
        after = layer(torch.ones(1, 1))
    assert (before.item(), after.item()) == (1, 0)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that torch can use")
@pytest.mark.parametrize("precision", ["32", "bf16", "16"])
def test_on_a_gpu_all_weights_change_in_one_kernel(precision: PrecisionName) -> None:
    fabric = make_fabric(precision)
    torch.manual_seed(0)
    layers = torch.nn.Sequential(torch.nn.Conv2d(8, 8, 1), torch.nn.Conv2d(8, 8, 3))
    layers.to(fabric.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    before = [weight.detach().clone() for weight in layers.parameters()]
    learn = Learner(fabric, {"network": _adam(layers)})
    with fabric.autocast():
        loss = layers(torch.rand(2, 8, 16, 16, device=fabric.device)).square().mean()
    learn("network", loss, clip=1.0)
    assert learn.optimizers["network"].param_groups[0]["fused"]
    for old, new in zip(before, layers.parameters(), strict=True):
        assert not torch.equal(old, new)


@pytest.mark.parametrize("saved_fused", [None, True])
def test_an_optimizer_goes_on_from_what_was_saved_on_another_device(saved_fused: bool | None) -> None:
    torch.manual_seed(0)
    layer, fabric = torch.nn.Linear(2, 2), make_fabric("32")
    first = Learner(fabric, {"network": _adam(layer)})
    first("network", layer(torch.ones(1, 2)).sum())
    state = first.optimizers["network"].state_dict()
    state["param_groups"][0]["fused"] = saved_fused
    again = Learner(fabric, {"network": _adam(layer)})
    again.restore("network", state)
    assert again.optimizers["network"].param_groups[0]["fused"] is None  # the layer is on the CPU
    again("network", layer(torch.ones(1, 2)).sum())
    (steps,) = {float(each["step"]) for each in again.optimizers["network"].state.values()}
    assert steps == 2


def _adam(layers: torch.nn.Module) -> torch.optim.AdamW:
    return torch.optim.AdamW([{"params": list(layers.parameters()), "initial_lr": 1e-3}], 1e-3)
