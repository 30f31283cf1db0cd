"""Every twin is tested on the CPU in a GPU's place, and on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from stream_unmask.api import Unmasker
from stream_unmask.bundled import BUNDLED_WEIGHTS
from stream_unmask.inpainting.gpu.device import CudaStreams
from stream_unmask.networks import Networks
from tests.inpainting.gpu.engines import NO_GPU, twins


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU])])
def device(request: pytest.FixtureRequest) -> Iterator[CudaStreams]:
    """A device, with all that a test queues in its compute stream."""
    found = CudaStreams(request.param)
    with torch.inference_mode(), found.compute:
        yield found


@pytest.fixture(scope="module", params=["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU])])
def ways(request: pytest.FixtureRequest, unmasker: Unmasker) -> Iterator[tuple[Networks, Networks]]:
    """The same networks for the work on the CPU and for that on a device."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # small operations on many threads are slower, most of all beside other tests
    yield twins(unmasker.networks, BUNDLED_WEIGHTS, "generator", request.param)
    torch.set_num_threads(threads)
