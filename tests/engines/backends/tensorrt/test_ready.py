"""From a network to a kept and checked engine, and back; only the compiler and the GPU are fake."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from engines import load_engine, select_backend
from engines.backends.tensorrt.cache import EngineCache
from engines.backends.tensorrt.cuda import CudaStream, Gpu, find_gpu
from engines.backends.tensorrt.flavour import Flavour, _logger
from engines.backends.tensorrt.plan import BuildOptions, Machine, Plan, this_machine
from engines.backends.tensorrt.ready import kept_engines, load, make_ready, verify, why_not
from engines.backends.tensorrt.run import TensorRTEngine
from engines.engine import EngineError
from engines.kept import kept_folder
from tests.engines.backends.tensorrt.conftest import SIZE, Compiler, plan_of_file, tiny_network
from tests.engines.backends.tensorrt.fake import FakeCuda, FakeTensorRT, values_of
from tests.support.waiting import GUARD


def ready(network: Path, cache: EngineCache, said: list[str] | None = None, **options: Any) -> str:
    say = ([] if said is None else said).append
    return make_ready(network, plan_of_file(network, BuildOptions(**options)), cache, say).plan.key


def test_an_engine_is_built_once_then_found_and_used(
    network: Path, compiler: Compiler, cache: EngineCache
) -> None:
    reason = why_not([network])
    assert str(reason) == "No engine of tiny.onnx is built here."
    assert reason is not None
    assert reason.hint == "stream-unmask engines build"
    assert ready(network, cache) == ready(network, cache)
    assert compiler.count == 1
    assert why_not([network]) is None
    engine = load(network)
    crop = np.random.default_rng(0).uniform(-1, 1, (1, 3, SIZE, SIZE)).astype(np.float32)
    np.testing.assert_allclose(engine.run(crop)[0][0, 0], crop[0].mean(axis=0), atol=1e-6)
    assert engine.description == "TensorRT 11.4.0.1 on NVIDIA Fake 9000, fp32, CUDA graphs"


def test_auto_takes_tensorrt_where_the_engines_are(
    network: Path, compiler: Compiler, cache: EngineCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.choose.nvidia_gpus", lambda: ["NVIDIA Fake 9000"])
    chosen = select_backend("auto", [network])
    assert chosen.backend != "tensorrt"
    assert "NVIDIA Fake 9000 is not used by tensorrt: No engine of tiny.onnx" in chosen.passed_over[0]
    with pytest.raises(EngineError, match="No engine of tiny.onnx is built here"):
        select_backend("tensorrt", [network])
    ready(network, cache)
    assert select_backend("auto", [network]).backend == "tensorrt"
    assert isinstance(load_engine(network), TensorRTEngine)
    other = select_backend("auto", [network], "int8")
    assert "No int8 engine of tiny.onnx is built here." in other.passed_over[0]
    assert other.hints == ("stream-unmask engines build --precision int8",)
    with pytest.raises(EngineError, match="No int8 engine") as caught:
        select_backend("tensorrt", [network], "int8")
    assert caught.value.hint in other.hints


def test_the_engine_built_last_is_used(network: Path, compiler: Compiler, cache: EngineCache) -> None:
    ready(network, cache, max_batch=2)
    ready(network, cache, max_batch=4)
    assert load(network).max_batch == 4
    ready(network, cache, max_batch=2)
    assert load(network).max_batch == 2
    assert compiler.count == 2


def test_what_one_build_learnt_the_next_one_knows(
    network: Path, compiler: Compiler, cache: EngineCache
) -> None:
    ready(network, cache)
    ready(network, cache, level=5)
    assert compiler.timing == [b"", b"learnt"]


def machine() -> Machine:
    return Machine("tensorrt", "11.4.0.1", Gpu("NVIDIA Fake 9000", "12.0", "600.1"), "Linux x86_64")


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: replace(plan, network="b"),
        lambda plan: replace(plan, file="b"),
        lambda plan: replace(plan, precision="fp16"),
        *(
            lambda plan, name=name, value=value: replace(plan, options=replace(plan.options, **{name: value}))
            for name, value in [
                ("max_batch", 9),
                ("tuned_batch", 2),
                ("level", 4),
                ("workspace", 512),
                ("refittable", True),
            ]
        ),
        *(
            lambda plan, name=name: replace(plan, machine=replace(plan.machine, **{name: "other"}))
            for name in ("flavour", "version", "system")
        ),
        *(
            lambda plan, name=name: replace(
                plan, machine=replace(plan.machine, gpu=replace(plan.machine.gpu, **{name: "other"}))
            )
            for name in ("name", "capability", "driver")
        ),
    ],
)
def test_whatever_decides_an_engine_is_in_its_key(change: Callable[[Plan], Plan]) -> None:
    plan = Plan("a", "a", "fp32", BuildOptions(), machine())
    assert change(plan).key != plan.key
    assert Plan("a", "a", "fp32", BuildOptions(), machine()).key == plan.key


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [({"gain": 1.5}, "is not fit for use. It differs from ONNX Runtime"), ({"gain": np.nan}, "not numbers")],
)
def test_an_engine_that_computes_something_else_is_not_kept(
    network: Path,
    tmp_path: Path,
    compiler: Compiler,
    cache: EngineCache,
    changes: dict[str, Any],
    sentence: str,
) -> None:
    compiler.instead = tiny_network(tmp_path / "other.onnx", **changes)
    with pytest.raises(EngineError, match=sentence):
        ready(network, cache)
    assert cache.entries() == []
    assert not list(cache.folder.glob("*.engine"))


def test_a_build_that_is_broken_off_leaves_nothing(
    network: Path, compiler: Compiler, cache: EngineCache
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    compiler.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        ready(network, cache)
    assert [path.suffix for path in cache.folder.iterdir()] == [".lock"]


def damage(cache: EngineCache, key: str) -> None:
    content = bytearray(cache.path(key).read_bytes())
    content[len(content) // 2] ^= 1
    cache.path(key).write_bytes(content)


def cut(cache: EngineCache, key: str) -> None:
    os.truncate(cache.path(key), 10)


def lose(cache: EngineCache, key: str) -> None:
    cache.path(key).unlink()


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [(damage, "is damaged"), (cut, "is damaged"), (lose, "cannot be read: No such file")],
)
def test_an_engine_that_is_harmed_is_told_and_built_again(
    network: Path,
    compiler: Compiler,
    cache: EngineCache,
    harm: Callable[[EngineCache, str], None],
    sentence: str,
) -> None:
    harm(cache, ready(network, cache))
    with pytest.raises(EngineError, match=sentence) as caught:
        load(network)
    assert caught.value.hint == "stream-unmask engines build"
    said: list[str] = []
    ready(network, cache, said)
    assert len(said) == 2
    assert sentence in said[0]
    assert said[0].endswith("It is built again.")
    assert load(network).max_batch == 8


def test_an_engine_that_tensorrt_refuses_is_built_again(
    network: Path, compiler: Compiler, cache: EngineCache, api: FakeTensorRT
) -> None:
    key = ready(network, cache)
    entry = cache.entries()[0]
    cache.write("tiny", entry.plan, b"of a version that said it was this one", 1.0, entry.agreement)
    said: list[str] = []
    assert ready(network, cache, said) == key
    assert "cannot load the engine: magicTag" in said[0]
    api.failing.add("deserialize_cuda_engine")
    with pytest.raises(EngineError, match="deserialize_cuda_engine does not want to"):
        ready(network, cache)


@pytest.mark.parametrize(
    "content", ["", "{}", "[1]", '{"plan": null}', None], ids=["empty", "bare", "list", "null", "edited"]
)
def test_a_manifest_that_cannot_be_trusted_counts_as_none(
    network: Path, compiler: Compiler, cache: EngineCache, content: str | None
) -> None:
    path = cache.folder / f"{ready(network, cache)}.json"
    if content is None:
        said = json.loads(path.read_text())
        said["plan"]["options"]["max_batch"] = 64
        content = json.dumps(said)
    path.write_text(content)
    assert cache.entries() == []
    ready(network, cache)
    assert (len(cache.entries()), compiler.count) == (1, 2)


def test_an_engine_of_another_driver_is_neither_used_nor_lost(
    network: Path, compiler: Compiler, cache: EngineCache, monkeypatch: pytest.MonkeyPatch
) -> None:
    ready(network, cache)
    monkeypatch.setattr("engines.backends.tensorrt.cuda._driver", lambda: "601.0")
    with pytest.raises(EngineError, match="No engine of tiny.onnx is built here"):
        load(network)
    ready(network, cache)
    assert len(cache.entries()) == 2


def test_new_weights_are_put_into_an_engine_that_allows_it(
    network: Path, tmp_path: Path, compiler: Compiler, cache: EngineCache
) -> None:
    trained_on = tiny_network(tmp_path / "trained.onnx", gain=0.5)
    ready(network, cache, refittable=True)
    ready(trained_on, cache, refittable=True)
    assert compiler.count == 1
    crop = np.ones((1, 3, SIZE, SIZE), np.float32)
    assert [load(path).run(crop)[0].mean() for path in (network, trained_on)] == pytest.approx([1, 0.5])
    # Fixed weights, or another way of building, need a build.
    ready(trained_on, cache)
    ready(trained_on, cache, refittable=True, level=5)
    assert compiler.count == 3


@pytest.mark.parametrize("call", ["refit_from_file", "refit_cuda_engine"])
def test_weights_that_do_not_fit_are_built_in(
    network: Path, tmp_path: Path, compiler: Compiler, cache: EngineCache, api: FakeTensorRT, call: str
) -> None:
    ready(network, cache, refittable=True)
    api.failing.add(call)
    ready(tiny_network(tmp_path / "trained.onnx", gain=0.5), cache, refittable=True)
    assert compiler.count == 2


def test_tensorrt_for_rtx_keeps_the_kernels_that_it_compiles(
    network: Path, compiler: Compiler, cache: EngineCache, api: FakeTensorRT, monkeypatch: pytest.MonkeyPatch
) -> None:
    rtx = Flavour("tensorrt_rtx", "1.5.0", api, _logger(api))
    for user in ("plan", "ready"):
        monkeypatch.setattr(f"engines.backends.tensorrt.{user}.find_flavour", lambda: rtx)
    ready(network, cache, max_batch=3)
    (kept,) = cache.entries()
    assert cache.kernels(kept.plan) == bytes([1, 2, 3])
    engine = load(network)
    assert engine.description.startswith("TensorRT for RTX 1.5.0 on NVIDIA Fake 9000")
    crops = np.random.default_rng(0).uniform(-1, 1, (2, 3, SIZE, SIZE)).astype(np.float32)
    np.testing.assert_allclose(engine.run(crops)[0][:, 0], crops.mean(axis=1), atol=1e-6)
    theirs, map_ = CudaStream(), values_of(engine.on_device()[1][0])
    map_[:] = -9
    engine.enqueue(2, theirs.handle)
    assert (map_ == -9).all()
    theirs.synchronize()
    np.testing.assert_allclose(map_[:2, 0], crops.mean(axis=1), atol=1e-6)
    cache.prune(lambda _: False)
    assert {path.suffix for path in cache.folder.iterdir()} == {".lock"}


def test_two_who_build_the_same_build_it_once(network: Path, compiler: Compiler, cache: EngineCache) -> None:
    building, going_on = threading.Event(), threading.Event()
    said: list[str] = []

    def wait() -> None:
        building.set()
        assert going_on.wait(GUARD)

    compiler.before = wait
    first = threading.Thread(target=ready, args=(network, cache))
    first.start()
    assert building.wait(GUARD)

    def go_on(sentence: str) -> None:
        said.append(sentence)
        going_on.set()

    make_ready(network, plan_of_file(network, BuildOptions()), cache, go_on)
    first.join()
    assert said == ["tiny: another process is building it; waiting."]
    assert compiler.count == 1


def test_pruning_keeps_what_is_used_and_what_is_being_built(
    network: Path, compiler: Compiler, cache: EngineCache
) -> None:
    used, unused = ready(network, cache), ready(network, cache, level=1)
    locked = ready(network, cache, level=2)
    (cache.folder / "orphan.engine").write_bytes(b"12345")
    old, new = cache.folder / "a.engine.1.part", cache.folder / "b.engine.2.part"
    for part in (old, new):
        part.write_bytes(b"123")
    os.utime(old, (0, time.time() - 1e5))
    busy = next(entry.plan for entry in cache.entries() if entry.plan.key == locked)
    with cache.locked(busy, lambda: None):
        count, freed = cache.prune(lambda entry: entry.plan.key == used)
    assert count == 2
    assert freed > 8
    assert {entry.plan.key for entry in cache.entries()} == {used, locked}
    assert (cache.path(unused).exists(), old.exists(), new.exists()) == (False, False, True)


def test_checking_again_finds_what_has_changed(
    network: Path, tmp_path: Path, compiler: Compiler, cache: EngineCache
) -> None:
    ready(network, cache)
    (entry,) = kept_engines(cache.entries()[0].plan.network, this_machine(), cache)
    assert verify(entry, network, cache).psnr > 100
    with pytest.raises(EngineError, match="differs from ONNX Runtime"):
        verify(entry, tiny_network(tmp_path / "other.onnx", gain=2), cache)


def test_a_folder_that_cannot_be_made_is_told(network: Path, compiler: Compiler, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EngineError, match="file/cache cannot be made: Not a directory"):
        ready(network, EngineCache(tmp_path / "file" / "cache"))


def test_the_folder_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STREAM_UNMASK_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/x")
    assert kept_folder() == Path("/x/stream-unmask/engines")
    monkeypatch.setenv("STREAM_UNMASK_CACHE", "/y")
    assert kept_folder() == Path("/y")


def test_the_gpu_and_what_is_wrong_with_it(cuda: FakeCuda) -> None:
    assert find_gpu() == Gpu("NVIDIA Fake 9000", "12.0", "600.1")
    cuda.devices = 0
    with pytest.raises(EngineError, match="no NVIDIA GPU that this process may use"):
        find_gpu()
    cuda.driver = 12040
    with pytest.raises(EngineError, match=r"driver is for CUDA 12.4, but cuda-bindings for CUDA 13.5"):
        find_gpu()
    cuda.driver = 0
    with pytest.raises(EngineError, match="no NVIDIA driver"):
        find_gpu()
