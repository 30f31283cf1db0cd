"""Colour management: from what a printer's or another device's colours mean to sRGB."""

from __future__ import annotations

import io
from typing import Any

import numpy as np
import PIL.Image
from numpy.typing import NDArray
from PIL import ImageCms


def to_srgb(image: PIL.Image.Image, profile: bytes | None) -> tuple[NDArray[Any], bytes]:
    """A picture's pixels in sRGB, as its profile has them seen.

    Args:
        image: of a kind that Pillow knows.
        profile: the ICC profile of its colours; without one, or with a broken one, the usual formula is used.

    Returns:
        (H, W, 3) uint8 RGB, and the profile of sRGB.
    """
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    if profile is not None:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            managed = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
            if managed is not None:
                return np.asarray(managed), srgb.tobytes()
        except (ImageCms.PyCMSError, OSError):
            pass
    return np.asarray(image.convert("RGB")), srgb.tobytes()
