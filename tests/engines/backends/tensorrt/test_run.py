"""Running an engine: data, buffers, graphs, threads, and every failure; against a fake GPU."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from engines.backends.tensorrt.cuda import CudaStream
from engines.backends.tensorrt.flavour import Flavour
from engines.backends.tensorrt.run import Program, TensorRTEngine
from engines.contract import SEGMENTER
from engines.engine import DeviceEngine, EngineError
from tests.engines.backends.tensorrt.conftest import SIZE
from tests.engines.backends.tensorrt.fake import (
    FakeContext,
    FakeCuda,
    FakeEngine,
    FakeRuntime,
    FakeTensorRT,
    plan_of,
    values_of,
)

MOST = 4


@pytest.fixture
def program(network: Path, flavour: Flavour) -> Program:
    return Program(plan_of(network.read_bytes(), MOST), flavour)


def crops(count: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).uniform(-1, 1, (count, 3, SIZE, SIZE)).astype(np.float32)


def test_batches_of_every_size_are_computed(program: Program) -> None:
    engine = TensorRTEngine(program, "fake")
    SEGMENTER.check(engine, SIZE)
    for seed, count in enumerate((1, MOST, 2, 1, 2, MOST)):
        values = crops(count, seed)
        (maps,) = engine.run(values)
        np.testing.assert_allclose(maps[:, 0], values.mean(axis=1), atol=1e-6)


def test_each_size_of_batch_is_prepared_once_and_then_replayed(
    program: Program, cuda: FakeCuda, api: FakeTensorRT
) -> None:
    engine = TensorRTEngine(program, "fake")
    engine.run(crops(3))
    blocks = set(cuda.memory)
    # From now on a run may neither ask TensorRT for anything nor reserve memory.
    api.failing |= {"execute_async_v3", "set_input_shape", "set_tensor_address"}
    cuda.failing |= {"cudaMalloc", "cudaMallocHost"}
    for count in (1, 3, 1, 3):
        engine.run(crops(count))
    assert (cuda.graphs, api.contexts) == (2, 2)
    assert set(cuda.memory) == blocks


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (crops(0), "built for batches of 1 to 4, not of 0"),
        (crops(MOST + 1), "not of 5"),
        (crops(2)[:, :1], "crop must be"),
        (crops(2)[..., :1], "crop must be"),
    ],
)
def test_what_does_not_fit_the_buffers_is_refused(
    program: Program, values: NDArray[np.float32], sentence: str
) -> None:
    engine = TensorRTEngine(program, "fake")
    with pytest.raises(EngineError, match=sentence):
        engine.run(values)


@pytest.mark.parametrize(
    "call",
    [
        "create_execution_context",
        "set_input_shape",
        "infer_shapes",
        "set_tensor_address",
        "execute_async_v3",
        "recording",
    ],
)
def test_each_refusal_of_tensorrt_is_told(program: Program, api: FakeTensorRT, call: str) -> None:
    api.failing.add(call)
    with pytest.raises(EngineError, match=f"TensorRT refuses the .*: {call} does not want to"):
        TensorRTEngine(program, "fake")


def test_a_recording_that_fails_leaves_the_stream_usable(
    program: Program, api: FakeTensorRT, cuda: FakeCuda
) -> None:
    engine = TensorRTEngine(program, "fake")
    api.failing.add("recording")
    with pytest.raises(EngineError, match="refuses the run"):
        engine.run(crops(2))
    assert not cuda.recordings
    (maps,) = engine.run(crops(1))
    np.testing.assert_allclose(maps[:, 0], crops(1).mean(axis=1), atol=1e-6)


@pytest.mark.parametrize(
    "call",
    [
        "cudaStreamCreateWithFlags",
        "cudaMalloc",
        "cudaMallocHost",
        "cudaMemcpyAsync",
        "cudaStreamSynchronize",
        "cudaStreamBeginCapture",
        "cudaStreamEndCapture",
        "cudaGraphInstantiate",
        "cudaGraphLaunch",
    ],
)
def test_each_error_of_cuda_is_told(program: Program, cuda: FakeCuda, call: str) -> None:
    cuda.failing.add(call)
    with pytest.raises(EngineError, match=f"CUDA failed in {call}: cudaErrorMemoryAllocation"):
        TensorRTEngine(program, "fake")


def test_a_run_is_queued_in_the_callers_stream(program: Program, cuda: FakeCuda) -> None:
    engine, theirs = TensorRTEngine(program, "fake"), CudaStream()
    assert isinstance(engine, DeviceEngine)
    (crop,), (map_,) = (tuple(map(values_of, ports)) for ports in engine.on_device())
    assert (crop.shape, map_.shape) == ((MOST, 3, SIZE, SIZE), (MOST, 1, SIZE, SIZE))
    for seed, count in enumerate((2, 2, MOST, 2)):
        crop[:count] = values = crops(count, seed)
        map_[:] = -9
        engine.enqueue(count, theirs.handle)
        if seed in (1, 3):  # those before had their size prepared, which computes
            assert (map_ == -9).all()
        theirs.synchronize()
        np.testing.assert_allclose(map_[:count, 0], values.mean(axis=1), atol=1e-6)
        np.testing.assert_array_equal(engine.run(values)[0], map_[:count])


def test_only_the_first_run_of_a_size_waits(program: Program, cuda: FakeCuda) -> None:
    engine, theirs = TensorRTEngine(program, "fake"), CudaStream()
    before: list[str] = []
    for turn in ("prepared", "replayed"):
        cuda.queue(theirs.handle, lambda turn=turn: before.append(turn))  # type: ignore[misc]
        engine.enqueue(3, theirs.handle)
    # What was queued ahead of the preparation may use the buffers, which it writes into.
    assert before == ["prepared"]
    theirs.synchronize()
    assert before == ["prepared", "replayed"]


@pytest.mark.parametrize("count", [0, MOST + 1])
def test_a_batch_that_does_not_fit_is_not_queued(program: Program, cuda: FakeCuda, count: int) -> None:
    engine, theirs = TensorRTEngine(program, "fake"), CudaStream()
    with pytest.raises(EngineError, match=f"batches of 1 to 4, not of {count}"):
        engine.enqueue(count, theirs.handle)
    assert not cuda.queues[theirs.handle]


def test_a_queued_run_that_fails_is_told_and_the_next_one_works(
    program: Program, api: FakeTensorRT, cuda: FakeCuda
) -> None:
    engine, theirs = TensorRTEngine(program, "fake"), CudaStream()
    (crop,), (map_,) = (tuple(map(values_of, ports)) for ports in engine.on_device())
    for failing, name in (
        (api.failing, "execute_async_v3"),
        (api.failing, "recording"),
        (cuda.failing, "cudaStreamSynchronize"),
        (cuda.failing, "cudaGraphLaunch"),
    ):
        failing.add(name)
        with pytest.raises(EngineError, match=f"{name}"):
            engine.enqueue(2, theirs.handle)
        failing.clear()
    crop[:2] = values = crops(2)
    engine.enqueue(2, theirs.handle)
    theirs.synchronize()
    np.testing.assert_allclose(map_[:2, 0], values.mean(axis=1), atol=1e-6)


def test_buffers_outlive_the_engine_while_they_are_viewed(program: Program, cuda: FakeCuda) -> None:
    engine = TensorRTEngine(program, "fake")
    engine.run(crops(1))
    crop = engine.on_device()[0][0]
    del engine
    assert list(cuda.memory) == [crop.address]
    np.testing.assert_array_equal(values_of(crop)[:1], crops(1))


def test_half_precision_at_the_ports_is_refused(program: Program, api: FakeTensorRT) -> None:
    api.failing.add("dtype")
    with pytest.raises(EngineError, match="crop is not float32"):
        TensorRTEngine(program, "fake")


def test_an_engine_that_tensorrt_cannot_load_is_refused(flavour: Flavour) -> None:
    with pytest.raises(EngineError, match=r"tensorrt 11.4.0.1 cannot load the engine: magicTag"):
        Program(b"something else", flavour)


def test_all_memory_goes_with_the_engine_but_not_before_its_results(program: Program, cuda: FakeCuda) -> None:
    engine = TensorRTEngine(program, "fake")
    values = crops(2)
    (maps,) = engine.run(values)
    del engine
    assert len(cuda.memory) == 1
    np.testing.assert_allclose(maps[:, 0], values.mean(axis=1), atol=1e-6)
    del maps
    assert (cuda.memory, cuda.graphs) == ({}, 0)


def test_threads_share_the_program_and_nothing_else(program: Program) -> None:
    wrong: list[int] = []

    def work(seed: int) -> None:
        engine = TensorRTEngine(program, "fake")
        for turn in range(20):
            values = crops(1 + (turn + seed) % MOST, seed)
            (maps,) = engine.run(values)
            if not np.allclose(maps[:, 0], values.mean(axis=1), atol=1e-6):
                wrong.append(seed)

    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


@pytest.mark.tensorrt
def test_the_fake_offers_only_what_tensorrt_and_cuda_do(rig: Flavour) -> None:
    from cuda.bindings import runtime

    pairs = [
        (FakeTensorRT, rig.api),
        (FakeRuntime, rig.api.Runtime),
        (FakeEngine, rig.api.ICudaEngine),
        (FakeContext, rig.api.IExecutionContext),
    ]
    rtx_only = {"CudaGraphStrategy", "DynamicShapesKernelSpecializationStrategy"}
    own = rtx_only | {"fails", "api", "most", "network", "session", "inputs", "outputs", "num_layers"}
    for fake, real in pairs:
        offered = {name for name in vars(fake) if not name.startswith("_")} - own
        assert offered <= set(dir(real)), fake
    calls = {f"cuda{name[1:]}" for name in vars(FakeCuda) if name.startswith("_") and name[1].isupper()}
    assert len(calls) > 15
    assert calls <= set(dir(runtime))
