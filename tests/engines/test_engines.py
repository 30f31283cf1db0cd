"""Engines on tiny networks, the choice between them, and what happens to files that are none."""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from engines import BACKENDS, load_engine, load_network, load_networks, probe, select_backend
from engines.backends.openvino_cpu import OpenVINOEngine, forget_kept
from engines.contract import GENERATOR, SEGMENTER, read_weights
from engines.engine import Engine, EngineError
from engines.kept import keep_newest
from tests.engines import tiny
from trainer.quantize import LIMITS, PrecisionCost, draw_inputs, make

SIZE = 16
ON_CPU = ["auto", "openvino", "onnxruntime"]


def network(path: Path, name: str = "mask", channels: int = 3) -> Path:
    """A network that averages its input's channels, with an open batch."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, (1, channels, 1, 1), [1 / channels] * channels)
    graph = helper.make_graph(
        [helper.make_node("Conv", ["crop", "w"], [name])],
        "tiny",
        [helper.make_tensor_value_info("crop", TensorProto.FLOAT, ("n", channels, SIZE, SIZE))],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ("n", 1, SIZE, SIZE))],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, path)
    return path


@pytest.mark.parametrize("backend", ON_CPU)
def test_every_backend_computes_the_same(tmp_path: Path, backend: str) -> None:
    engine = load_engine(network(tmp_path / "n.onnx"), backend=backend, threads=1)
    crop = np.random.default_rng(0).uniform(-1, 1, (1, 3, SIZE, SIZE)).astype(np.float32)
    (found,) = engine.run(crop)
    np.testing.assert_allclose(found[0, 0], crop[0].mean(axis=0), atol=1e-2)
    assert [(port.name, port.shape) for port in engine.inputs] == [("crop", (1, 3, SIZE, SIZE))]


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's compiled networks are kept."""
    monkeypatch.setenv("STREAM_UNMASK_CACHE", str(tmp_path / "kept"))
    return tmp_path / "kept" / "openvino"


def averaged(path: Path) -> float:
    """What OpenVINO makes of ones."""
    return float(OpenVINOEngine(path, 1).run(np.ones((1, 3, SIZE, SIZE), np.float32))[0].mean())


def test_what_openvino_compiles_is_kept_for_networks_that_are_the_same_in_all(
    tmp_path: Path, kept: Path
) -> None:
    first, other = network(tmp_path / "a.onnx"), tmp_path / "b.onnx"
    assert averaged(first) == averaged(first) == pytest.approx(1, abs=0.01)
    (blob,) = kept.glob("*/*.blob")
    model = onnx.load(first)
    model.graph.initializer[0].CopyFrom(helper.make_tensor("w", TensorProto.FLOAT, (1, 3, 1, 1), [1, 2, 3]))
    onnx.save(model, other)
    assert averaged(other) == pytest.approx(6, abs=0.05)
    assert len(list(kept.glob("*/*.blob"))) == 2
    blob.write_bytes(blob.read_bytes()[: blob.stat().st_size // 2])  # the power went
    assert averaged(first) == pytest.approx(1, abs=0.01)


def test_a_folder_that_nothing_can_be_kept_in_does_not_matter(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("STREAM_UNMASK_CACHE", str(tmp_path / "file"))
    assert averaged(network(tmp_path / "n.onnx")) == pytest.approx(1, abs=0.01)


def test_of_what_is_kept_the_newest_stays(tmp_path: Path) -> None:
    for age in range(5):
        (tmp_path / f"{age}").write_text("")
        os.utime(tmp_path / f"{age}", (100 - age, 100 - age))
    keep_newest(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1"]


def test_what_another_openvino_has_compiled_can_be_forgotten(tmp_path: Path, kept: Path) -> None:
    averaged(network(tmp_path / "n.onnx"))
    (kept / "2020.1").mkdir()
    (kept / "2020.1" / "n.blob").write_bytes(b"12345")
    assert forget_kept(everything=False) == 5
    assert len(list(kept.glob("*/*.blob"))) == 1
    assert forget_kept(everything=True) > 0
    assert not list(kept.iterdir())


@pytest.mark.parametrize("backend", ON_CPU)
def test_a_file_that_is_no_network_is_refused_in_one_sentence(tmp_path: Path, backend: str) -> None:
    path = tmp_path / "n.onnx"
    path.write_bytes(b"not a network")
    with pytest.raises(EngineError, match="n.onnx"):
        load_engine(path, backend=backend)


_SIGNALLED = """
import os, signal, sys
from dataclasses import replace
from pathlib import Path
from engines import load_engine
first, second = (load_engine(Path(sys.argv[1]), backend="openvino", threads=1) for _ in range(2))
del first
del second
signal.signal(signal.SIGTERM, lambda *_: print("heard"))
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_signal_is_heard_after_engines_have_come_and_gone(tmp_path: Path) -> None:
    path = network(tmp_path / "n.onnx")
    done = subprocess.run([sys.executable, "-c", _SIGNALLED, path], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="nowhere.onnx is missing"):
        load_engine(tmp_path / "nowhere.onnx")


def test_an_unknown_backend_is_refused() -> None:
    with pytest.raises(EngineError, match="'magic'.*openvino"):
        select_backend("magic")


def test_the_order_is_that_of_speed() -> None:
    on_gpu, on_cpu = ("tensorrt", "torch-tensorrt", "pytorch"), ("openvino", "onnxruntime")
    assert list(BACKENDS) == ["auto", *on_gpu, *on_cpu, "onnxruntime-rtx"]


def test_auto_names_what_it_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.choose.nvidia_gpus", list)
    selection = select_backend()
    assert (selection.backend, selection.passed_over) == ("openvino", ())
    assert select_backend("onnxruntime").backend == "onnxruntime"


def test_a_gpu_is_never_silently_unused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.choose.nvidia_gpus", lambda: ["NVIDIA RTX 9000"])
    monkeypatch.setattr("torch.version.cuda", None)
    passed_over = select_backend().passed_over
    assert [reason.split(":")[0] for reason in passed_over] == [
        f"NVIDIA RTX 9000 is not used by {name}" for name in ("tensorrt", "torch-tensorrt", "pytorch")
    ]
    assert passed_over[-1].endswith("torch is installed without CUDA.")


def test_what_cannot_be_loaded_gives_way_where_auto_picked_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(path: Path, precision: str) -> None:
        raise EngineError(f"PyTorch cannot run {path.name}: out of memory.")

    monkeypatch.setattr("engines.choose.nvidia_gpus", lambda: ["NVIDIA RTX 9000"])
    monkeypatch.setattr("engines.backends.pytorch_cuda.why_not", lambda: None)
    monkeypatch.setattr("engines.backends.pytorch_cuda.load_checked", broken)
    weights, networks = tiny.tiny_weights(tmp_path), [SEGMENTER, GENERATOR]
    selection, engines = load_networks(weights, networks, threads=1)
    assert selection.backend == "openvino"
    wanted = "NVIDIA RTX 9000 is not used by pytorch: PyTorch cannot run segmenter.onnx: out of memory."
    assert selection.passed_over[-1] == wanted
    assert list(engines) == ["segmenter", "generator"]
    assert all("OpenVINO" in engine.description for engine in engines.values())
    with pytest.raises(EngineError, match="PyTorch cannot run segmenter.onnx: out of memory"):
        load_networks(weights, networks, backend="pytorch")


def test_a_backend_asked_for_by_name_runs_or_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.version.cuda", None)
    with pytest.raises(
        EngineError, match="pytorch cannot run here: torch is installed without CUDA"
    ) as caught:
        select_backend("pytorch")
    assert caught.value.hint == "backend=auto"
    monkeypatch.setattr("engines.choose.find_spec", lambda name: None)
    with pytest.raises(EngineError, match="openvino cannot run here: openvino is not installed"):
        select_backend("openvino")


@pytest.mark.parametrize(
    ("backend", "package"),
    [("torch-tensorrt", "torch_tensorrt"), ("onnxruntime-rtx", "onnxruntime_ep_nv_tensorrt_rtx")],
)
def test_what_an_optional_backend_lacks_is_named(
    backend: str, package: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("engines.choose.find_spec", lambda name: None if name == package else "there")
    with pytest.raises(EngineError, match=f"{backend} cannot run here: {package} is not installed") as caught:
        select_backend(backend)
    assert caught.value.hint is not None
    assert caught.value.hint.startswith("pip install ")


def test_nothing_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.choose.nvidia_gpus", list)
    monkeypatch.setattr("engines.choose.find_spec", lambda name: None)
    with pytest.raises(EngineError, match="No engine can run here: openvino is not .* onnxruntime is not"):
        select_backend()


def test_precision_is_what_was_asked_for(tmp_path: Path) -> None:
    path = network(tmp_path / "n.onnx")
    plain = load_engine(path, backend="openvino", precision="fp32", threads=1)
    assert "on the CPU, fp32, 1 thread" in plain.description
    with pytest.raises(EngineError, match="openvino computes in bf16, fp32, int8, not in fp16"):
        load_engine(path, backend="openvino", precision="fp16")


def test_auto_passes_over_what_does_not_compute_in_the_precision(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.choose.nvidia_gpus", lambda: ["NVIDIA RTX 9000"])
    monkeypatch.setattr("torch.version.cuda", None)
    selection = select_backend(precision="bf16")
    assert selection.backend == "openvino"
    unused = "NVIDIA RTX 9000 is not used by"
    assert selection.passed_over == (
        f"{unused} tensorrt: tensorrt computes in fp16, fp32, int8, not in bf16.",
        f"{unused} torch-tensorrt: torch-tensorrt computes in fp16, fp32, not in bf16.",
        f"{unused} pytorch: torch is installed without CUDA.",
    )
    monkeypatch.setattr("engines.choose.nvidia_gpus", list)
    with pytest.raises(
        EngineError, match="No engine can run here: openvino .*not in fp16. onnxruntime .*16.$"
    ):
        select_backend(precision="fp16")


@pytest.mark.parametrize("backend", ["openvino", "onnxruntime"])
def test_int8_needs_a_file_that_says_how(tmp_path: Path, backend: str) -> None:
    with pytest.raises(EngineError, match="n.onnx does not say which layers run in int8"):
        load_engine(network(tmp_path / "n.onnx"), backend=backend, precision="int8")


def test_bf16_is_refused_where_the_cpu_lacks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Core:
        def get_property(self, device: str, name: str) -> list[str]:
            return ["FP32", "INT8"]

    monkeypatch.setattr("engines.backends.openvino_cpu._core", Core)
    with pytest.raises(EngineError, match="CPU does not compute in bf16"):
        OpenVINOEngine(network(tmp_path / "n.onnx"), 1, precision="bf16")


@pytest.mark.parametrize(("flags", "expected"), [("avx2 avx512_vnni", True), ("avx2", False)])
def test_int8_is_taken_where_the_cpu_has_instructions_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, flags: str, expected: bool
) -> None:
    monkeypatch.setattr(probe, "_lines", lambda path: ["flags : " + flags])
    monkeypatch.setitem(LIMITS, "int8", PrecisionCost(0.6, 38.0, 0.9))
    weights = tiny.tiny_weights(tmp_path)
    for each, samples in zip(
        (SEGMENTER, GENERATOR), draw_inputs(weights, tiny.crops(4)).values(), strict=True
    ):
        make(weights, each, "int8", samples, samples)
    engine = load_network(weights, SEGMENTER, backend="openvino", threads=1)
    assert ("int8" in engine.description) == expected
    named = load_network(weights, SEGMENTER, backend="openvino", precision="int8")
    assert "int8" in named.description
    assert "int8" not in load_network(weights, GENERATOR, backend="openvino").description
    reference = load_network(weights, SEGMENTER, backend="onnxruntime", precision="int8", threads=1)
    assert "on the CPU, int8 and fp32, 1 thread" in reference.description
    named = load_network(weights, GENERATOR, backend="openvino", precision="int8")
    assert "int8" in named.description


@pytest.mark.parametrize(
    ("vendor", "flags", "expected"),
    [
        ("GenuineIntel", "avx512_bf16", False),
        ("GenuineIntel", "avx512_bf16 amx_tile amx_bf16", True),
        ("AuthenticAMD", "avx512_bf16", True),
    ],
)
def test_bf16_is_taken_where_the_cpu_gains_from_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, vendor: str, flags: str, expected: bool
) -> None:
    monkeypatch.setattr(probe, "_lines", lambda path: [f"vendor_id : {vendor}", f"flags : {flags}"])
    assert probe.gains_from_bf16() == expected
    for device in ("CPU", "AUTO"):
        engine = load_engine(network(tmp_path / "n.onnx"), backend="openvino", threads=1, device=device)
        if not expected:
            assert "on the CPU, fp32, 1 thread" in engine.description


def test_int8_that_is_not_there_is_said(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="no int8 generator"):
        load_network(tiny.tiny_weights(tmp_path), GENERATOR, backend="openvino", precision="int8")


def test_the_contract_refuses_another_network(tmp_path: Path) -> None:
    fitting = load_engine(network(tmp_path / "a.onnx"))
    SEGMENTER.check(fitting, SIZE)
    with pytest.raises(EngineError, match="expected the inputs crop 1x3x32x32, found crop 1x3x16x16"):
        SEGMENTER.check(fitting, 32)
    with pytest.raises(EngineError, match="generator does not fit"):
        GENERATOR.check(fitting, SIZE)
    with pytest.raises(EngineError, match="outputs mask .* found depth"):
        SEGMENTER.check(load_engine(network(tmp_path / "b.onnx", name="depth")), SIZE)


def test_a_generator_that_wants_its_last_inpainted_crop_is_refused(tmp_path: Path) -> None:
    fed_back = replace(GENERATOR, inputs=GENERATOR.inputs | {"previous": 3})
    tiny.write_network(tmp_path, fed_back)
    sentence = (
        "The generator does not fit: expected the inputs crop 1x3x32x32, mask 1x1x32x32, guide 1x3x32x32, "
        "trust 1x1x32x32, found crop 1x3x32x32, mask 1x1x32x32, guide 1x3x32x32, trust 1x1x32x32, "
        "previous 1x3x32x32."
    )
    for backend in ("onnxruntime", "openvino"):
        with pytest.raises(EngineError, match=f"^{re.escape(sentence)}$"):
            load_network(tmp_path, GENERATOR, backend=backend)


def manifest(folder: Path, **changes: object) -> Path:
    content = network(folder / "segmenter.onnx").read_bytes()
    entry = {
        "file": "segmenter.onnx",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size": SIZE,
        "run": "test",
    }
    (folder / "manifest.json").write_text(json.dumps({"segmenter": entry | changes}))
    return folder


def test_weights_are_read_with_what_is_known_of_them(tmp_path: Path) -> None:
    weights = read_weights(manifest(tmp_path), SEGMENTER)
    assert (weights.path.name, weights.size, weights.run) == ("segmenter.onnx", SIZE, "test")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"sha256": "0" * 64}, "is damaged"),
        ({"file": "gone.onnx"}, "gone.onnx is missing"),
        ({"size": "large"}, "does not describe a segmenter"),
    ],
)
def test_weights_that_do_not_fit_are_refused(
    tmp_path: Path, changes: dict[str, object], sentence: str
) -> None:
    with pytest.raises(EngineError, match=sentence):
        read_weights(manifest(tmp_path, **changes), SEGMENTER)


def test_a_network_that_the_manifest_lacks_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match="does not describe a generator"):
        read_weights(manifest(tmp_path), GENERATOR)


def test_an_int8_file_that_does_not_compile_here_is_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(probe, "_lines", lambda path: ["flags : avx2 avx512_vnni"])
    monkeypatch.setitem(LIMITS, "int8", PrecisionCost(0.6, 38.0, 0.9))
    weights = tiny.tiny_weights(tmp_path)
    samples = draw_inputs(weights, tiny.crops(4))["segmenter"]
    make(weights, SEGMENTER, "int8", samples, samples)

    def load(path: Path, **options: Any) -> Engine:
        if ".int8." in path.name:
            raise EngineError("object is not initialized")
        return load_engine(path, **options)

    monkeypatch.setattr("engines.choose.load_engine", load)
    assert "int8" not in load_network(weights, SEGMENTER, backend="openvino").description
    with pytest.raises(EngineError, match="not initialized"):
        load_network(weights, SEGMENTER, backend="openvino", precision="int8")


def test_auto_finds_the_cpu_where_there_is_nothing_else(tmp_path: Path) -> None:
    weights = tiny.tiny_weights(tmp_path)
    selection, engines = load_networks(weights, [SEGMENTER, GENERATOR], threads=1, device="AUTO")
    assert (selection.backend, selection.passed_over) == ("openvino", ())
    assert "on the CPU, " in engines["segmenter"].description
    assert engines["segmenter"].description.endswith(", 1 thread")
    plain = load_network(weights, GENERATOR, threads=1, precision="fp32", device="AUTO")
    assert "on the CPU, fp32, 1 thread" in plain.description


def test_a_device_that_is_not_there_is_refused_with_those_that_are(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.backends.openvino_cpu._core", lambda: _Core(["CPU", "GPU.0", "GPU.1"]))
    with pytest.raises(EngineError, match=r"finds no NPU on this machine, only CPU, GPU\.0, GPU\.1\.$"):
        select_backend(device="NPU")
    assert select_backend(device="GPU").backend == "openvino"
    with pytest.raises(EngineError, match="GPU is a device of openvino's, and pytorch was asked for"):
        select_backend("pytorch", device="GPU")


def test_what_computes_something_else_on_a_device_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = OpenVINOEngine.run
    monkeypatch.setattr(
        OpenVINOEngine, "run", lambda self, *given: tuple(each + 1 for each in run(self, *given))
    )
    with pytest.raises(EngineError, match="OpenVINO's AUTO does not run n.onnx as it should. It differs"):
        load_engine(network(tmp_path / "n.onnx"), threads=1, device="AUTO")


class _Core:
    """What stands in for OpenVINO's core on a machine with other devices."""

    def __init__(self, devices: list[str]) -> None:
        self.available_devices = devices
