"""The bundled networks come back as PyTorch networks that do the same."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from stream_unmask.errors import UnmaskError
from trainer.bundled import WEIGHTS, bundled_generator, bundled_segmenter, revive_norms
from trainer.networks.generator import AtSide


def _run(name: str, **feeds: torch.Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(WEIGHTS / f"{name}.onnx")
    return session.run(None, {port: value.numpy() for port, value in feeds.items()})[0]


@torch.no_grad()
def test_both_do_what_their_files_do() -> None:
    torch.manual_seed(0)
    crop, map_ = torch.rand(2, 3, 256, 256) * 2 - 1, torch.rand(2, 1, 256, 256)
    found = bundled_segmenter()(crop)
    np.testing.assert_allclose(found, _run("segmenter", crop=crop), atol=1e-4)
    patch = AtSide(bundled_generator(), 192)(crop, map_, crop)
    np.testing.assert_allclose(patch, _run("generator", crop=crop, map=map_, previous=crop), atol=1e-3)


@torch.no_grad()
def test_norms_come_back_without_a_change_of_what_the_network_does() -> None:
    torch.manual_seed(0)
    crops = torch.rand(8, 3, 64, 64) * 2 - 1
    segmenter = bundled_segmenter()
    before = segmenter(crops)
    revive_norms(segmenter, list(crops.split(4)))
    torch.testing.assert_close(segmenter.eval()(crops), before, atol=1e-4, rtol=0)
    torch.testing.assert_close(segmenter.train()(crops), before, atol=5e-3, rtol=0)


def test_a_folder_without_weights_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnmaskError, match="no segmenter"):
        bundled_segmenter(tmp_path)
