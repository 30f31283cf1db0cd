"""Clips that several tests share; made once, with a real face in them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

from tests.support import slow
from tests.support.skips import pytest_runtest_makereport

if TYPE_CHECKING:
    from stream_unmask import Unmasker

# What takes long to import is imported by the fixtures: this file is read by every process of a run, also by
# the one that only hands out the tests.

__all__ = ["pytest_runtest_makereport"]

settings.register_profile("suite", deadline=None, database=None, derandomize=True)
settings.load_profile("suite")

SMALL: dict[str, Any] = {"width": 640, "height": 360, "frames": 24, "rate": 12}


@pytest.fixture(scope="session")
def masked_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """640x360, 24 frames, two seconds, sound, one masked face."""
    from benchmarks.clips import ClipOptions, make_clip

    return make_clip(tmp_path_factory.mktemp("clips") / "masked.mp4", ClipOptions(**SMALL))


@pytest.fixture(scope="session")
def bare_clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same camera movement and noise as ``masked_clip``, without the mask."""
    from benchmarks.clips import ClipOptions, make_clip

    return make_clip(tmp_path_factory.mktemp("clips") / "bare.mp4", ClipOptions(masked=False, **SMALL))


@pytest.fixture(scope="session")
def unmasker() -> Unmasker:
    """On the CPU, also where there is a GPU: what is compared with a GPU is compared with this."""
    from stream_unmask import Settings, Unmasker

    return Unmasker(Settings(backend="openvino"))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Before pytest itself reads ``-m``."""
    slow.choose(config, items)
