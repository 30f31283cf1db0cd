"""Nothing is left to be compiled when the first face comes."""

from __future__ import annotations

import pytest
from numba.core.dispatcher import Dispatcher

from stream_unmask.inpainting import graining
from stream_unmask.inpainting.cpu import blending, coarse, colour, compositing, smoothing
from stream_unmask.inpainting.cpu.warming import warm_up
from stream_unmask.inpainting.parameters import BLENDS
from stream_unmask.pixels import sampling
from tests.inpainting.faces import face, soft_mask
from tests.inpainting.test_graining import (
    test_an_inpainted_crop_is_as_alive_as_the_skin_around_it as way_of_a_face,
)
from tests.pixels.pictures import LAYOUTS, alignment, paint

MODULES = (sampling, compositing, coarse, smoothing, colour, graining, blending)


def compiled() -> dict[str, int]:
    kernels = {
        f"{module.__name__}.{name}": kernel
        for module in MODULES
        for name, kernel in vars(module).items()
        if isinstance(kernel, Dispatcher)
    }
    return {name: len(kernel.signatures) for name, kernel in kernels.items()}


@pytest.mark.parametrize("layout", ["420", "nv12", "420-10", "422", "444"])
def test_a_crop_and_its_way_back_are_compiled(layout: str) -> None:
    warm_up(LAYOUTS[layout].depth)
    before = compiled()
    planes = paint(LAYOUTS[layout].empty(96, 80))
    crop = sampling.sample_crop(planes, alignment(48, 40, 1.2, 64), 64)
    compositing.composite(planes, alignment(48, 40, 1.2, 64), crop, abs(crop[0]))
    assert compiled() == before


def test_the_work_on_a_face_is_compiled() -> None:
    warm_up()
    before = compiled()
    way_of_a_face(zoom=1.0, noise=1.5)
    for kind in BLENDS:
        blending.blend(kind, face(), face(), soft_mask(), 1.0)
    assert compiled() == before
