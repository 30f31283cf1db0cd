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


_NAMES = {
    "libx264": ("x264-params", "mastering-display", "cll"),
    "libx265": ("x265-params", "master-display", "max-cll"),
    "libsvtav1": ("svtav1-params", "mastering-display", "content-light"),
}
"""Encoders that can be told: the option that tells them, and what they call the two parts in it."""


def hdr_options(codec: str, info: SourceInfo) -> dict[str, str]:
    """Options that make an encoder write the source's mastering display and content light level.

    They are empty for an encoder that cannot be told, and for a source without.
    """
    if codec not in _NAMES:
        return {}
    option, display_name, light_name = _NAMES[codec]
    display, light = _mastering_display(codec, info.mastering_display), _content_light(info.content_light)
    values = {display_name: display, light_name: light}
    told = ":".join(f"{name}={value}" for name, value in values.items() if value)
    return {option: told} if told else {}


def loses_hdr(codec: str, info: SourceInfo) -> bool:
    """Whether an encoder cannot be told what the source says of its mastering."""
    return bool(info.mastering_display or info.content_light) and codec not in _NAMES


def _content_light(data: bytes | None) -> str:
    if data is None or len(data) < _CONTENT_LIGHT.size:
        return ""
    most, average = _CONTENT_LIGHT.unpack_from(data)
    return f"{most},{average}"


def _mastering_display(codec: str, data: bytes | None) -> str:
    """G(x,y)B(x,y)R(x,y)WP(x,y)L(most,least): in whole steps, and for SVT-AV1 in plain numbers."""
    if data is None or len(data) < _MASTERING.size:
        return ""
    *numbers, has_primaries, has_luminance = _MASTERING.unpack_from(data)
    if not (has_primaries and has_luminance) or not all(numbers[1::2]):
        return ""
    values = [Fraction(a, b) for a, b in zip(numbers[0::2], numbers[1::2], strict=True)]
    if codec == "libsvtav1":
        written = [f"{float(value):g}" for value in values]
    else:
        steps = [_CHROMATICITY_STEP] * 8 + [_LUMINANCE_STEP] * 2
        written = [str(round(value / step)) for value, step in zip(values, steps, strict=True)]
    red, green, blue, white = (f"({x},{y})" for x, y in zip(written[0:8:2], written[1:8:2], strict=True))
    least, most = written[8:]
    return f"G{green}B{blue}R{red}WP{white}L({most},{least})"
