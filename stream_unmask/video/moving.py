"""When frames and packets begin, and moving them in time."""

from __future__ import annotations

from fractions import Fraction

from stream_unmask.video.container import CopiedPacket
from stream_unmask.video.frame import Frame


def span(item: Frame | CopiedPacket) -> tuple[Fraction | None, Fraction]:
    """When a frame or packet begins by its source's clock, None where it does not say; for how long it is."""
    if isinstance(item, Frame):
        return item.pts * item.time_base, item.duration * item.time_base
    packet = item.packet
    start = packet.pts if packet.pts is not None else packet.dts
    if start is None:
        return None, Fraction(0)
    return start * packet.time_base, (packet.duration or 0) * packet.time_base


def move(item: Frame | CopiedPacket, offset: Fraction) -> None:
    """Make a frame or packet later by so many seconds."""
    if isinstance(item, Frame):
        item.pts += round(offset / item.time_base)
        item.picture.pts = item.pts
        return
    packet = item.packet
    ticks = round(offset / packet.time_base)
    packet.pts = packet.pts + ticks if packet.pts is not None else None
    packet.dts = packet.dts + ticks if packet.dts is not None else None
