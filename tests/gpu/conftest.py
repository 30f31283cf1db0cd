"""Every twin is tested on the CPU in a GPU's place, and on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
import torch

from engines.pytorch_cuda import PyTorchEngine
from stream_unmask.api import Unmasker
from stream_unmask.gpu.device import Device
from stream_unmask.gpu.networks import GpuNetworks
from stream_unmask.toolkit import BUNDLED_WEIGHTS, Toolkit
from stream_unmask.unmasking.generating import Generator
from stream_unmask.unmasking.segmenting import Segmenter
from tests.gpu.engines import NETWORKS, NO_GPU


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU])])
def device(request: pytest.FixtureRequest) -> Iterator[Device]:
    """A device, with all that a test queues in its compute lane."""
    found = Device(request.param)
    with torch.inference_mode(), found.compute:
        yield found


@pytest.fixture(scope="module", params=["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU])])
def toolkits(request: pytest.FixtureRequest, unmasker: Unmasker) -> Iterator[tuple[Toolkit, Toolkit]]:
    """The same networks for the work on the CPU and for that on a device."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # small operations on many threads are slower, most of all beside other tests
    engines = {
        name: PyTorchEngine(BUNDLED_WEIGHTS / f"{name}.onnx", precision="fp32", device=request.param)
        for name in NETWORKS
    }
    segmenter, generator = Segmenter(engines["segmenter"]), Generator(engines["generator"])
    on_cpu = replace(unmasker.toolkit, segmenter=segmenter, drawer=generator)
    yield on_cpu, replace(on_cpu, gpu=GpuNetworks(engines))
    torch.set_num_threads(threads)
