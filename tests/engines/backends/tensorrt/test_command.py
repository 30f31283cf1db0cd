"""`stream-unmask engines`, and which TensorRT it finds."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from engines.backends.tensorrt.cache import EngineCache
from engines.backends.tensorrt.files import file_to_compile
from engines.backends.tensorrt.flavour import Flavour, find_flavour
from engines.contract import GENERATOR, SEGMENTER, read_weights
from engines.engine import EngineError
from stream_unmask.cli.main import cli
from tests.engines.backends.tensorrt.conftest import SIZE, Compiler, tiny_network
from tests.engines.backends.tensorrt.fake import FakeTensorRT


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """Two tiny networks, one of them with an fp16 file."""

    def entry(name: str, gain: float) -> dict[str, object]:
        content = tiny_network(tmp_path / f"{name}.onnx", gain).read_bytes()
        return {"file": f"{name}.onnx", "sha256": hashlib.sha256(content).hexdigest()}

    said = {"segmenter": entry("segmenter", 1.0), "generator": entry("generator", 0.5)}
    said["generator"]["made"] = {"fp16": entry("generator.fp16", 0.501)}
    for each in said.values():
        each |= {"size": SIZE, "run": "test"}
    (tmp_path / "manifest.json").write_text(json.dumps(said))
    return tmp_path


def run(*words: str | Path) -> Result:
    result = CliRunner().invoke(cli, ["engines", *map(str, words)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def missing(name: str) -> SimpleNamespace:
    raise ModuleNotFoundError(name=name)


def test_a_dry_run_needs_neither_tensorrt_nor_a_gpu(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.backends.tensorrt.flavour.import_module", missing)
    find_flavour.cache_clear()
    printed = " ".join(run("build", "--weights", weights, "--dry-run", "--batch", "4").output.split())
    for part in ("Segmenter", "Generator", "1..4 faces", "crop Nx3x16x16", "strongly typed", "fp16"):
        assert part in printed
    assert "tensorrt is not installed." in printed
    with pytest.raises(EngineError, match="tensorrt is not installed"):
        run("build", "--weights", weights)


@pytest.mark.tensorrt
def test_a_dry_run_lets_tensorrt_read_the_networks(
    weights: Path, rig: Flavour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream_unmask.cli.engines.find_flavour", lambda: rig)
    printed = " ".join(run("build", "--weights", weights, "--dry-run").output.split())
    assert f"tensorrt {rig.version}, which reads the network as 1 layers" in printed


def test_engines_are_built_listed_checked_and_deleted(
    weights: Path, compiler: Compiler, cache: EngineCache
) -> None:
    assert "No engine is kept" in run("list").output
    with pytest.raises(EngineError, match="No engine of segmenter.onnx is built here"):
        run("verify", "--weights", weights)
    built = run("build", "--weights", weights).output
    assert [line for line in built.splitlines() if "ready in fp16" in line] == built.splitlines()[1::2]
    run("build", "--weights", weights, "--precision", "fp32")
    assert compiler.count == 4
    assert [entry.name for entry in cache.entries()] == ["generator", "segmenter"] * 2
    assert run("verify", "--weights", weights).output.count("good, within") == 4
    listed = run("list").output
    assert (listed.count("fp16"), listed.count("fp32"), listed.count("1..8")) == (2, 2, 4)
    assert run("prune", "--weights", weights).output.startswith("Deleted 0 engines")
    run("build", "--weights", weights, "--precision", "fp32", "--batch", "4")
    assert run("prune", "--weights", weights).output.startswith("Deleted 2 engines")
    left = [(entry.plan.precision, entry.plan.options.max_batch) for entry in cache.entries()]
    assert left == [("fp32", 4)] * 2 + [("fp16", 8)] * 2
    assert run("prune", "--all").output.startswith("Deleted 4 engines")
    assert cache.entries() == []


def test_what_puts_masks_on_is_built_where_it_is_held(
    weights: Path, compiler: Compiler, cache: EngineCache
) -> None:
    manifest = weights / "manifest.json"
    said = json.loads(manifest.read_text())
    manifest.write_text(json.dumps(said | {"wearer": said["segmenter"]}))
    printed = run("build", "--weights", weights, "--precision", "fp32", "--dry-run").output
    assert "worn Nx3x16x16" in " ".join(printed.split())
    assert "style Nx8x1x1" in " ".join(printed.split())
    run("build", "--weights", weights, "--precision", "fp32")
    assert run("verify", "--weights", weights).output.splitlines()[-1].startswith("wearer, fp32: good")


def test_what_the_weights_do_not_hold_is_told(weights: Path, compiler: Compiler) -> None:
    with pytest.raises(EngineError, match="no int8 segmenter"):
        run("build", "--weights", weights, "--precision", "int8")


def test_an_fp16_file_is_held_or_made_on_the_spot(weights: Path) -> None:
    with file_to_compile(weights, GENERATOR, None) as file:
        assert file == read_weights(weights, GENERATOR, "fp16")
    with (
        file_to_compile(weights, SEGMENTER, None) as file,
        file_to_compile(weights, SEGMENTER, "fp16") as again,
    ):
        assert file.precision == "fp16"
        assert file.sha256 == again.sha256 == hashlib.sha256(file.path.read_bytes()).hexdigest()
    assert not file.path.exists()
    with file_to_compile(weights, SEGMENTER, "fp32") as file:
        assert file == read_weights(weights, SEGMENTER)


def test_an_fp16_file_that_is_no_good_is_refused(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engines.files.half.to_half", lambda _, target: tiny_network(target, gain=2.0))
    with (
        pytest.raises(EngineError, match="segmenter.onnx cannot be run in fp16. It differs"),
        file_to_compile(weights, SEGMENTER, None),
    ):
        pass


def test_what_fp16_needs_is_told(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "engines.files.half", raising=False)
    monkeypatch.setitem(sys.modules, "onnx", None)
    with (
        pytest.raises(EngineError, match="An fp16 engine needs onnx"),
        file_to_compile(weights, SEGMENTER, "fp16"),
    ):
        pass


def test_options_that_contradict_each_other_are_refused(weights: Path) -> None:
    with pytest.raises(EngineError, match="at most 2 faces cannot be tuned for 3"):
        run("build", "--weights", weights, "--batch", "2", "--tune", "3")


@pytest.mark.parametrize(
    ("modules", "found"),
    [
        ({"tensorrt": "11.4.0.106", "tensorrt_rtx": "1.5.0"}, "tensorrt 11.4.0.106"),
        ({"tensorrt": "10.13.3.9"}, "tensorrt 10.13.3.9"),
        ({"tensorrt_rtx": "1.5.0"}, "tensorrt_rtx 1.5.0"),
        ({"tensorrt": "10.12.0.1", "tensorrt_rtx": "1.5.0"}, "tensorrt_rtx 1.5.0"),
        ({"tensorrt": OSError("no library"), "tensorrt_rtx": "1.5.0"}, "tensorrt_rtx 1.5.0"),
    ],
    ids=str,
)
def test_the_installed_tensorrt_is_found(
    modules: dict[str, str | Exception], found: str, api: FakeTensorRT, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(modules, api, monkeypatch)
    flavour = find_flavour.__wrapped__()
    assert f"{flavour.name} {flavour.version}" == found
    assert flavour.is_rtx == (flavour.name == "tensorrt_rtx")


@pytest.mark.parametrize(
    ("modules", "sentence"),
    [
        ({"tensorrt": "10.12.0.1"}, "tensorrt 10.12.0.1 is too old: 10.13 or newer is needed."),
        ({"tensorrt": ModuleNotFoundError(name="tensorrt_libs")}, "installed without its part tensorrt_libs"),
        (
            {"tensorrt": OSError("libnvinfer.so:\nno such file")},
            "does not load: libnvinfer.so: no such file.",
        ),
        ({}, "tensorrt is not installed."),
    ],
    ids=str,
)
def test_why_there_is_no_tensorrt_is_told(
    modules: dict[str, str | Exception], sentence: str, api: FakeTensorRT, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(modules, api, monkeypatch)
    with pytest.raises(EngineError, match=re.escape(sentence)):
        find_flavour.__wrapped__()


def install(modules: dict[str, str | Exception], api: FakeTensorRT, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only these modules be there: each of a version, or with an error at its import."""

    def imported(name: str) -> SimpleNamespace:
        version = modules.get(name, ModuleNotFoundError(name=name))
        if isinstance(version, Exception):
            raise version
        return SimpleNamespace(__version__=version, ILogger=api.ILogger)

    monkeypatch.setattr("engines.backends.tensorrt.flavour.import_module", imported)
