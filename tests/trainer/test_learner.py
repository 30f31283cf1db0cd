"""One step of learning, in every precision."""

from __future__ import annotations

import math

import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision

from trainer.devices import make_fabric
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
