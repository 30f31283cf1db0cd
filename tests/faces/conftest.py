"""The two networks, compiled once."""

from __future__ import annotations

import pytest

from engines.backends.openvino_cpu import OpenVINOEngine
from stream_unmask.faces import weights
from stream_unmask.faces.detection import INPUT_SHAPE, CenterFace
from stream_unmask.faces.mesh import FaceMesh


@pytest.fixture(scope="session")
def detector() -> CenterFace:
    return CenterFace(OpenVINOEngine(weights.centerface(), 2, [INPUT_SHAPE]))


@pytest.fixture(scope="session")
def mesh() -> FaceMesh:
    return FaceMesh(OpenVINOEngine(weights.face_landmark(), 2))
