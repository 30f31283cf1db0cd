"""TensorRT for real: build, check and run the bundled networks on this machine's GPU."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from engines.backends.onnxruntime_cpu import ONNXRuntimeEngine
from engines.backends.tensorrt.cache import EngineCache
from engines.backends.tensorrt.plan import BuildOptions, this_machine
from engines.backends.tensorrt.ready import load, make_ready, plan_for
from engines.contract import GENERATOR, SEGMENTER, FilePrecision, Network, read_weights
from engines.engine import EngineError
from engines.parity import pictures
from stream_unmask.bundled import BUNDLED_WEIGHTS
from tests.engines.backends.tensorrt.conftest import plan_of_file, tiny_network
from tests.engines.backends.tensorrt.test_build import BUNDLED, compiled_file

pytestmark = [pytest.mark.gpu, pytest.mark.tensorrt]


@pytest.fixture(autouse=True)
def gpu() -> None:
    try:
        this_machine()
    except EngineError as error:
        pytest.skip(str(error))


@pytest.mark.parametrize(("kind", "precision"), BUNDLED, ids=lambda part: getattr(part, "name", part))
def test_the_bundled_networks_run(
    tmp_path: Path, cache: EngineCache, kind: Network, precision: FilePrecision
) -> None:
    source = read_weights(BUNDLED_WEIGHTS, kind)
    file = replace(source, path=compiled_file(kind, precision, tmp_path), precision=precision)
    make_ready(file.path, plan_for(file, source.sha256, BuildOptions(max_batch=4)), cache, print)
    engine, reference = load(source.path), ONNXRuntimeEngine(file.path, 0)
    kind.check(engine, source.size)
    # Graphs of several sizes take turns, and each runs again.
    for batch in (1, 4, 2, 1, 4):
        inputs = [pictures((batch, *port.shape[1:]), seed) for seed, port in enumerate(engine.inputs)]
        for found, wanted in zip(engine.run(*inputs), reference.run(*inputs), strict=True):
            assert np.abs(found - wanted).mean() < 0.02


def test_a_graph_replayed_in_a_stream_of_torchs_gives_what_run_gives(cache: EngineCache) -> None:
    torch = pytest.importorskip("torch", reason="torch is not installed")
    if not torch.cuda.is_available():
        pytest.skip("torch is installed without CUDA")
    source = read_weights(BUNDLED_WEIGHTS, GENERATOR)
    make_ready(source.path, plan_for(source, source.sha256, BuildOptions(max_batch=4)), cache, print)
    engine = load(source.path)
    inputs, (patches,) = (
        [torch.as_tensor(each, device=engine.device) for each in ports] for ports in engine.on_device()
    )
    assert inputs[0].data_ptr() == engine.on_device()[0][0].address
    stream, found = torch.cuda.Stream(), {}
    samples = [pictures((4, *port.shape[1:]), seed) for seed, port in enumerate(engine.inputs)]
    with torch.cuda.stream(stream):
        for batch in (4, 1, 4, 1):  # the first of each size is prepared, the last one replayed
            for view, values in zip(inputs, samples, strict=True):
                view[:batch].copy_(torch.from_numpy(values[-batch:]), non_blocking=True)
            engine.enqueue(batch, stream.cuda_stream)
            found[batch] = patches[:batch].clone()
    stream.synchronize()
    for batch, patch in found.items():
        (wanted,) = engine.run(*(values[-batch:] for values in samples))
        np.testing.assert_allclose(patch.cpu(), wanted, atol=1e-5)


def test_threads_run_one_engine(cache: EngineCache) -> None:
    source = read_weights(BUNDLED_WEIGHTS, SEGMENTER)
    make_ready(source.path, plan_for(source, source.sha256, BuildOptions()), cache, print)
    crops = pictures((1, 3, source.size, source.size), 0)
    (wanted,) = ONNXRuntimeEngine(source.path, 0).run(crops)
    worst: list[float] = []

    def work() -> None:
        engine = load(source.path)
        worst.extend(float(np.abs(engine.run(crops)[0] - wanted).max()) for _ in range(50))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(worst) == 200
    assert max(worst) < 5e-3


def test_weights_are_exchanged_without_a_build(
    tmp_path: Path, cache: EngineCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = BuildOptions(refittable=True)
    before, after = (tiny_network(tmp_path / f"{gain}.onnx", gain) for gain in (1.0, 0.5))
    make_ready(before, plan_of_file(before, options), cache, print)
    monkeypatch.delattr("engines.backends.tensorrt.ready.build")
    make_ready(after, plan_of_file(after, options), cache, print)
    crop = np.ones(load(after).inputs[0].shape, np.float32)
    assert [load(path).run(crop)[0].mean() for path in (before, after)] == pytest.approx([1, 0.5])
