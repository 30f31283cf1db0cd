"""Where a face comes from: the person's own, else a stand-in's, else the generator paints alone.

There is never a mixture of two people's faces: one fades out before the other fades in. A person who has been
seen with their own face is given nobody else's after that, even where it cannot be laid on.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stream_unmask.inpainting.guides import Seen, StandIns
from stream_unmask.inpainting.laid import LaidFace
from stream_unmask.inpainting.references.guiding import References


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the faces of one stream come from.

    Attributes:
        references: people's own faces; None where they are not wanted.
        stand_ins: faces of nobody; None likewise.
    """

    references: References | None = None
    stand_ins: StandIns | None = None

    def guides(self, heads: Sequence[Seen]) -> list[LaidFace | None]:
        """Lay faces on the heads of a frame.

        Args:
            heads: with masks on.

        Returns:
            The laid faces at the crops' sides; None where the generator is to paint alone.
        """
        if self.references is not None:
            self.references.meet([seen.view.number for seen in heads])
        return [self._guide(seen) for seen in heads]

    def _guide(self, seen: Seen) -> LaidFace | None:
        state = seen.view.state
        others = state.worn is not None and state.worn.shown > 0
        own = None if self.references is None else self.references.guide(seen, wait=others)
        if own is not None or self.stand_ins is None:
            return own
        recalled = state.recalled
        if recalled is not None and (recalled.believed or recalled.used):
            return self.stand_ins.leave(seen) if others else None
        return self.stand_ins.guide(seen)
