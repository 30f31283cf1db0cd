"""Masks are put on over a device as over the CPU."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest
import torch

from engines import choose
from engines.backends.pytorch_cuda import PyTorchEngine
from engines.contract import Network
from stream_unmask.api import Unmasker
from stream_unmask.inpainting.cpu.wearing import opaque
from stream_unmask.inpainting.gpu import wearing
from stream_unmask.inpainting.gpu.device import CudaStreams
from stream_unmask.inpainting.gpu.ops import GpuDevice
from stream_unmask.networks import Networks
from stream_unmask.pipeline import Stream, UnmaskedFrame
from stream_unmask.settings import Settings
from tests.inpainting.gpu.clips import assert_all_alike, frames, in_flight, pictures
from tests.inpainting.gpu.engines import NO_GPU, twins
from tests.inpainting.wearing import with_wearer

WEAR = Settings(wear=True)


@pytest.fixture(scope="module", params=["cpu", pytest.param("cuda", marks=[pytest.mark.gpu, NO_GPU])])
def dressers(
    request: pytest.FixtureRequest, unmasker: Unmasker, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Networks, Networks]:
    """The same networks for the work on the CPU and for that on a device."""
    weights = with_wearer(tmp_path_factory.mktemp("wearing") / "weights")
    return twins(unmasker.networks, weights, "wearer", request.param)


def test_a_clip_comes_out_alike(
    dressers: tuple[Networks, Networks], masked_clip: Path, bare_clip: Path
) -> None:
    empty = av.VideoFrame.from_ndarray(np.full((360, 640, 3), 90, np.uint8), "rgb24").reformat(
        format="yuv420p"
    )
    shown = [*pictures(bare_clip, 4), empty, *pictures(masked_clip, 1), *pictures(bare_clip, 2)]
    plain, ahead = (Stream(each, WEAR) for each in dressers)
    assert isinstance(ahead._inpainter.device, GpuDevice)
    expected = [UnmaskedFrame(frame, plain.process(frame)) for frame in frames(shown)]
    done, counts = in_flight(ahead, frames(shown))
    assert counts == [0, 0] + [1] * (len(shown) - 2)
    assert [len(each.faces) for each in expected] == [1, 1, 1, 1, 0, 0, 1, 1]
    assert_all_alike(expected, done)


def test_doubts_are_left_out_the_same(device: CudaStreams) -> None:
    alpha = np.linspace(0, 1, 41, dtype=np.float32)
    there = wearing.opaque(torch.from_numpy(alpha).to(device.torch)).cpu().numpy()
    np.testing.assert_allclose(there, opaque(alpha), atol=1e-6)
    np.testing.assert_array_equal(there == 0, opaque(alpha) == 0)


def test_no_more_is_loaded_than_is_used(
    bare_clip: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []

    def load(folder: Path, network: Network, **_: object) -> PyTorchEngine:
        loaded.append(network.name)
        return PyTorchEngine(folder / f"{network.name}.onnx", precision="fp32", device="cpu")

    monkeypatch.setattr(choose, "load_network", load)
    dresser = Unmasker(Settings(wear=True, weights=with_wearer(tmp_path / "weights")))
    (frame,) = frames(pictures(bare_clip, 1))
    assert len(dresser.stream().process(frame)) == 1
    assert sorted(loaded) == ["segmenter", "wearer"]
    assert dresser.networks.engine.endswith("the work on pixels too")
    assert dresser.networks.gpu is not None
    assert {name: each.runs for name, each in dresser.networks.gpu.networks.items()} == dict.fromkeys(
        loaded, 1
    )
