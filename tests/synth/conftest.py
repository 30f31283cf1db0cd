"""The face that masks are drawn on."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.portrait import portrait


@pytest.fixture
def photo() -> NDArray[np.uint8]:
    """(256, 256, 3) RGB."""
    return portrait()[0]


@pytest.fixture
def mesh() -> NDArray[np.float32]:
    """(468, 2) mesh points of the face in ``photo``."""
    return portrait()[1]
