from __future__ import annotations

from pathlib import Path

import pytest

from tests.video.making import Recipe, make_video


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """Ten frames of H.264 with B-frames."""
    return make_video(tmp_path / "clip.mp4", Recipe())
