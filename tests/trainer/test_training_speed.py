"""``stream-unmask measure training``, at toy size."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from benchmarks.training import TrainingPlan, _work, measure
from stream_unmask.errors import UnmaskError
from trainer.data import Photo
from trainer.devices import make_fabric
from trainer.networks.catalogue import CATALOGUE
from trainer.networks.catalogue import measure as cost
from trainer.recipes.segmenter import SegmenterRecipe


def toy(shards: Path, seconds: float) -> TrainingPlan:
    return TrainingPlan(
        data=shards,
        recipe="segmenter",
        size=64,
        batch=2,
        seconds=seconds,
        threads=1,
        workers=0,
        precision="32",
    )


def test_the_pace_of_a_training_is_told_beside_its_bound(shards: Path) -> None:
    pace = measure(toy(shards, 2), lambda _: None)
    assert pace.steps > 0
    assert 0 < pace.images < pace.bound
    assert 0 <= pace.waited <= 1
    assert "32-true" in str(pace)


def test_too_little_time_is_said(shards: Path) -> None:
    with pytest.raises(UnmaskError, match="no time for more than"):
        measure(toy(shards, 1e-6), lambda _: None)


def test_learning_takes_three_times_the_arithmetic_of_looking(photos: list[Photo]) -> None:
    recipe = SegmenterRecipe(photos, 64)
    looking = cost(CATALOGUE["segmenter"], 64).multiply_adds
    for needed in _work(recipe, torch.nn.Identity(), make_fabric("32")):
        # Nothing flows back into the picture itself.
        assert 2.8 * looking < needed < 3 * looking
