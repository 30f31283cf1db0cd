"""HDR10 static metadata, from FFmpeg's structures to what encoders take (SMPTE ST 2086, CTA-861.3)."""

from __future__ import annotations

import struct
from fractions import Fraction

from stream_unmask.video.info import SourceInfo

_MASTERING = struct.Struct("=20i2i")
"""AVMasteringDisplayMetadata: ten rationals (x and y of red, green, blue, white; least, most luminance)."""

_CONTENT_LIGHT = struct.Struct("=2I")
_CHROMATICITY_STEP = Fraction(1, 50_000)
_LUMINANCE_STEP = Fraction(1, 10_000)


def hdr_options(codec: str, info: SourceInfo) -> dict[str, str]:
    """Options that make an encoder write the source's mastering display and content light level.

    Only libx264 and libx265 can be told; for others, and for sources without, it is empty.
    """
    if codec not in ("libx264", "libx265"):
        return {}
    separator = "mastering-display", "cll"
    if codec == "libx265":
        separator = "master-display", "max-cll"
    values = []
    display = _mastering_display(info.mastering_display)
    if display:
        values.append(f"{separator[0]}={display}")
    if info.content_light is not None and len(info.content_light) >= _CONTENT_LIGHT.size:
        most, average = _CONTENT_LIGHT.unpack_from(info.content_light)
        values.append(f"{separator[1]}={most},{average}")
    if not values:
        return {}
    return {"x265-params" if codec == "libx265" else "x264-params": ":".join(values)}


def _mastering_display(data: bytes | None) -> str | None:
    """As x264 and x265 write it: G(x,y)B(x,y)R(x,y)WP(x,y)L(most,least) in whole steps."""
    if data is None or len(data) < _MASTERING.size:
        return None
    *numbers, has_primaries, has_luminance = _MASTERING.unpack_from(data)
    if not (has_primaries and has_luminance) or not all(numbers[1::2]):
        return None
    values = [Fraction(a, b) for a, b in zip(numbers[0::2], numbers[1::2], strict=True)]
    red_x, red_y, green_x, green_y, blue_x, blue_y, white_x, white_y = (
        round(value / _CHROMATICITY_STEP) for value in values[:8]
    )
    least, most = (round(value / _LUMINANCE_STEP) for value in values[8:])
    primaries = f"G({green_x},{green_y})B({blue_x},{blue_y})R({red_x},{red_y})"
    return f"{primaries}WP({white_x},{white_y})L({most},{least})"
