"""Pixel formats: which can be viewed as planes, and what the others are converted to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import av

_PLANAR = re.compile(r"yuvj?(420|422|444)p(9|10|12|14|16)?(?:le)?")
_SHIFTS = {"420": (1, 1), "422": (1, 0), "444": (0, 0)}
_SEMI_PLANAR = {
    "nv12": ("420", 8),
    "nv21": ("420", 8),
    "nv16": ("422", 8),
    "nv24": ("444", 8),
    "nv42": ("444", 8),
    "p010le": ("420", 16),
    "p012le": ("420", 16),
    "p016le": ("420", 16),
    "p210le": ("422", 16),
    "p216le": ("422", 16),
    "p410le": ("444", 16),
    "p416le": ("444", 16),
}
_HIGH_DEPTHS = (9, 10, 12, 14, 16)


@dataclass(frozen=True, slots=True)
class PlaneLayout:
    """Where the samples of a YUV pixel format lie.

    Attributes:
        subsampling: "420", "422" or "444".
        depth: significant bits of a sample as stored: P010 keeps its ten bits at the top of sixteen, which
            makes it a 16-bit format whose lowest bits happen to be zero.
        semi_planar: U and V share a plane.
        v_first: in that plane V comes before U (NV21, NV42).
    """

    subsampling: str
    depth: int
    semi_planar: bool
    v_first: bool

    @property
    def shifts(self) -> tuple[int, int]:
        """log2 of the chroma subsampling, horizontal and vertical."""
        return _SHIFTS[self.subsampling]


def plane_layout(name: str) -> PlaneLayout | None:
    """How to view a pixel format as Y, U and V planes, or None where it has to be converted first."""
    if name in _SEMI_PLANAR:
        subsampling, depth = _SEMI_PLANAR[name]
        return PlaneLayout(subsampling, depth, True, name in ("nv21", "nv42"))
    match = _PLANAR.fullmatch(name)
    if match is None:
        return None
    depth = int(match[2] or 8)
    if depth > 8 and not name.endswith("le"):
        return None
    return PlaneLayout(match[1], depth, False, False)


def significant_bits(name: str) -> int:
    """Bits of a sample that say something: those of P010 and its like are fewer than are stored."""
    return max(component.bits for component in av.VideoFormat(name).components)


def viewable_format(name: str) -> str:
    """The pixel format that a picture is brought to when it is decoded: its own where planes can view it.

    Packed, big-endian and alpha-carrying YUV become planar YUV of the same subsampling and depth; RGB and
    palettes become 4:4:4, and gray, which has no colour to lose, 4:2:0.
    """
    if plane_layout(name) is not None:
        return name
    pixel_format = av.VideoFormat(name)
    colours = [component for component in pixel_format.components if not component.is_alpha]
    bits = max(component.bits for component in colours)
    subsampling = "420" if len(colours) == 1 and not pixel_format.has_palette else "444"
    if not pixel_format.is_rgb and not pixel_format.has_palette and len(colours) == 3:
        size = 64
        wide, tall = pixel_format.chroma_width(size) == size, pixel_format.chroma_height(size) == size
        if pixel_format.chroma_width(size) >= size // 2 and pixel_format.chroma_height(size) >= size // 2:
            subsampling = "444" if wide else "422" if tall else "420"
    return _planar_name(subsampling, bits)


def _planar_name(subsampling: str, bits: int) -> str:
    """The planar little-endian YUV format of that subsampling that holds ``bits`` a sample."""
    if bits <= 8:
        return f"yuv{subsampling}p"
    depth = next((depth for depth in _HIGH_DEPTHS if depth >= bits), _HIGH_DEPTHS[-1])
    return f"yuv{subsampling}p{depth}le"


def nearest_format(wanted: str, offered: Sequence[str], even_only: tuple[bool, bool]) -> str | None:
    """Pick the offered pixel format that loses nothing of the wanted one, or else loses the least.

    Args:
        wanted: format of the pictures to encode; one that planes can view.
        offered: what the encoder takes.
        even_only: the picture is odd in width, in height: formats that halve chroma there are out.

    Returns:
        A name out of ``offered``, or None where nothing there is YUV.
    """
    source = plane_layout(wanted)
    if source is None:
        raise ValueError(f"not a format that planes can view: {wanted}")
    bits = significant_bits(wanted)
    best: tuple[tuple[int, ...], str] | None = None
    for position, name in enumerate(offered):
        layout = plane_layout(name)
        if layout is None:
            continue
        if any(odd and shift for odd, shift in zip(even_only, layout.shifts, strict=True)):
            continue
        offered_bits = significant_bits(name)
        lost_chroma = sum(max(0, b - a) for a, b in zip(source.shifts, layout.shifts, strict=True))
        extra_chroma = sum(max(0, a - b) for a, b in zip(source.shifts, layout.shifts, strict=True))
        cost = (
            max(0, bits - offered_bits),
            lost_chroma,
            extra_chroma,
            max(0, offered_bits - bits),
            int(name.startswith("yuvj") != wanted.startswith("yuvj")),
            int(name != wanted),
            position,
        )
        if best is None or cost < best[0]:
            best = (cost, name)
    return best[1] if best else None
