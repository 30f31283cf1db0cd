"""The work on a GPU makes of a laid face what that on the CPU makes of it."""

from __future__ import annotations

import numpy as np
import torch

from stream_unmask.inpainting.cpu import detail as on_cpu
from stream_unmask.inpainting.gpu.detail import put_back_detail
from stream_unmask.inpainting.gpu.device import CudaStreams
from stream_unmask.pixels.geometry import Box


def test_both_make_the_same(device: CudaStreams) -> None:
    random = np.random.default_rng(0)
    small = [random.uniform(-1, 1, (3, 64, 64)).astype(np.float32) for _ in range(2)]
    trust = random.uniform(0, 1, (64, 64)).astype(np.float32)
    laid = random.uniform(0, 1, (128, 128, 3)).astype(np.float32)
    laid_trust = random.uniform(0, 1, (128, 128)).astype(np.float32)
    wanted = on_cpu.put_back_detail(small[0], small[1], trust, laid, laid_trust, Box(0, 0, 128, 128))
    planes = [*small, trust[None], np.ascontiguousarray(laid.transpose(2, 0, 1)), laid_trust[None]]
    made = put_back_detail(*(torch.from_numpy(each)[None].to(device.torch) for each in planes))
    assert np.abs(made[0].cpu().numpy() - wanted).max() < 2e-3
