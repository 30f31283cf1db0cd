"""TensorRT for the tests: the rig that really builds, and small networks to build."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Callable
from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from engines.backends.tensorrt.cache import EngineCache
from engines.backends.tensorrt.flavour import Flavour, _logger, find_flavour
from engines.backends.tensorrt.plan import BuildOptions, Plan, fingerprint
from engines.backends.tensorrt.ready import plan_for
from engines.contract import WeightsFile
from tests.engines.backends.tensorrt.fake import FakeCuda, FakeTensorRT, plan_of
from tests.engines.backends.tensorrt.rig.making import RigError, make_rig

RIG = Path(__file__).parents[4] / ".rig"
SIZE = 16


@pytest.fixture(scope="session")
def rig() -> Flavour:
    """TensorRT's real parser and a real compiler; made once, kept in a folder that git ignores."""
    try:
        with (RIG.with_suffix(".lock")).open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not RIG.exists():
                make_rig(RIG)
    except RigError as error:
        pytest.skip(str(error))
    sys.path.insert(0, str(RIG))
    try:
        return find_flavour.__wrapped__()
    finally:
        # Nobody else in this process shall take it for an installed one.
        sys.path.remove(str(RIG))
        sys.modules.pop("tensorrt", None)


def tiny_network(
    path: Path, gain: float = 1.0, open_sides: tuple[str | int, ...] = ("n", 3, SIZE, SIZE)
) -> Path:
    """A network that gives the mean of its input's channels, ``gain`` times."""
    weights = helper.make_tensor("w", TensorProto.FLOAT, (1, 3, 1, 1), [gain / 3] * 3)
    batch, _, *sides = open_sides
    graph = helper.make_graph(
        [helper.make_node("Conv", ["crop", "w"], ["mask"], name="mean")],
        "tiny",
        [helper.make_tensor_value_info("crop", TensorProto.FLOAT, open_sides)],
        [helper.make_tensor_value_info("mask", TensorProto.FLOAT, (batch, 1, *sides))],
        [weights],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.save(model, path)
    return path


def plan_of_file(network: Path, options: BuildOptions) -> Plan:
    """The plan of a tiny network's file, which is its own fp32 file."""
    digest = fingerprint(network)
    return plan_for(WeightsFile(network, digest, SIZE, "test"), digest, options)


@pytest.fixture
def network(tmp_path: Path) -> Path:
    return tiny_network(tmp_path / "tiny.onnx")


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> FakeCuda:
    fake = FakeCuda()
    monkeypatch.setattr("engines.backends.tensorrt.cuda.runtime", lambda: fake)
    monkeypatch.setattr("engines.backends.tensorrt.cuda._driver", lambda: "600.1")
    return fake


@pytest.fixture
def api(cuda: FakeCuda) -> FakeTensorRT:
    return FakeTensorRT(cuda)


@pytest.fixture
def flavour(api: FakeTensorRT, monkeypatch: pytest.MonkeyPatch) -> Flavour:
    """An installed TensorRT that runs; ``find_flavour`` finds it."""
    found = Flavour("tensorrt", "11.4.0.1", api, _logger(api))
    for user in ("plan", "ready"):
        monkeypatch.setattr(f"engines.backends.tensorrt.{user}.find_flavour", lambda: found)
    return found


class Compiler:
    """Stands in for the build: keeps count, and can be made to fail, to wait or to compile something else."""

    def __init__(self) -> None:
        self.count = 0
        self.timing: list[bytes] = []
        self.before: Callable[[], None] = lambda: None
        self.instead: Path | None = None

    def __call__(
        self, network: Path, options: BuildOptions, _flavour: Flavour, timing: bytes
    ) -> tuple[bytes, bytes]:
        self.count += 1
        self.timing.append(timing)
        self.before()
        return plan_of((self.instead or network).read_bytes(), options.max_batch), b"learnt"


@pytest.fixture
def compiler(flavour: Flavour, monkeypatch: pytest.MonkeyPatch) -> Compiler:
    fake = Compiler()
    monkeypatch.setattr("engines.backends.tensorrt.ready.build", fake)
    return fake


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> EngineCache:
    monkeypatch.setenv("STREAM_UNMASK_CACHE", str(tmp_path / "cache"))
    return EngineCache()
