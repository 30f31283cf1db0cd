"""Every twin is tested on the CPU in a GPU's place, and on a GPU where there is one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from stream_unmask.gpu.device import Device

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU that torch can use")


@pytest.fixture(params=["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU])])
def device(request: pytest.FixtureRequest) -> Iterator[Device]:
    """A device, with all that a test queues in its compute lane."""
    found = Device(request.param)
    with torch.inference_mode(), found.compute:
        yield found
