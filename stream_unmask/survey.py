"""A first look through a file, for the bare faces that its people show somewhere in it, later ones too.

Faces are followed just as they will be when the file is unmasked, so that both times they have the same
numbers; nothing is inpainted and nothing written. Looking costs about a third of unmasking: whether it can
pay at all is told by a glance at a few frames beforehand.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterable
from pathlib import Path

from stream_unmask.inpainting.references.guiding import BARE_SCORE, Banks
from stream_unmask.networks import Networks
from stream_unmask.pipeline import Stream
from stream_unmask.settings import Settings
from stream_unmask.video.frame import Frame
from stream_unmask.video.glancing import glances
from stream_unmask.video.source import open_source

_log = logging.getLogger(__name__)

_SEGMENT_EVERY = 0.1
"""Seconds between two frames in which face masks are looked for."""

_MASKED_SCORE = 0.75
"""Score from which a face counts as masked."""

_MOST_PEOPLE = 64
"""People whose faces are kept: 200 MB."""


class Survey(Stream):
    """Looks through the frames of one video, in order."""

    def __init__(self, networks: Networks, settings: Settings, *, rotation: int = 0) -> None:
        """Begin.

        Args:
            networks: those that will unmask it.
            settings: with which it will be unmasked.
            rotation: degrees clockwise by which the frames must be turned to be upright.
        """
        super().__init__(networks, settings, rotation=rotation)
        self._segmented_at = -float("inf")
        self._masked: set[int] = set()
        self._banks: Banks = {}

    def look(self, frame: Frame) -> list[float]:
        """Look at the next frame.

        Returns:
            How surely each of its faces wears a face mask, 0..1; none in frames in which that is not looked
            for.
        """
        sightings = [self._align(frame, track) for track in self._follow(frame)]
        self._let_go({seen.view.number for seen in sightings})
        if abs(frame.time - self._segmented_at) < _SEGMENT_EVERY:
            return []
        self._segmented_at = frame.time
        under_way = self._segment(frame, sightings)
        looked_at = [(seen, found.sure) for seen, found in under_way.scored() if found is not None]
        under_way.inpainting.finish()
        for seen, score in looked_at:
            self._remember(frame, seen.view, score)
            recalled = seen.view.state.recalled
            if recalled is not None:
                self._banks[seen.view.number, recalled.person] = recalled.bank
            if score >= _MASKED_SCORE:
                self._masked.add(seen.view.number)
        return [score for _, score in looked_at]

    def glance(self, frame: Frame) -> list[float]:
        """The same for a frame that has nothing to do with the one before."""
        self._follower.end_tracks()
        self._segmented_at = -float("inf")
        return self.look(frame)

    def banks(self) -> Banks:
        """The bare faces of everybody who is masked somewhere."""
        self._let_go(set())
        return self._banks

    def _let_go(self, there: set[int]) -> None:
        """Forget those who are gone, and were never masked or never bare."""
        for key, bank in list(self._banks.items()):
            gone = key[0] not in there
            if gone and (key[0] not in self._masked or not len(bank) or len(self._banks) > _MOST_PEOPLE):
                del self._banks[key]


def can_pay(survey: Survey, glances: Iterable[Frame]) -> bool:
    """Whether a face is bare somewhere after one was masked: what comes before is found in passing.

    Args:
        survey: of its own, for nothing else.
        glances: frames spread over the file.
    """
    masked = False
    for frame in glances:
        scores = survey.glance(frame)
        if masked and any(score < BARE_SCORE for score in scores):
            return True
        masked |= any(score >= _MASKED_SCORE for score in scores)
    return False


def survey_file(
    networks: Networks, settings: Settings, path: Path, done: Callable[[int], None], stop: threading.Event
) -> Banks:
    """What can be found of people's bare faces before a file is unmasked.

    Args:
        networks: those that will unmask it.
        settings: with which it will be unmasked.
        path: of the file.
        done: told after each frame how many were looked at.
        stop: set it from anywhere to end early; then nothing is found.

    Raises:
        InputError: the file is not there or no video.
    """
    with open_source(path, threads=settings.threads, gpu_decode=settings.gpu_decode) as opened:
        rotation = opened.info.rotation
        if not can_pay(Survey(networks, settings, rotation=rotation), glances(path)):
            return {}
        _log.info("Looking through %s for bare faces first: some come after masked ones", path)
        survey, count = Survey(networks, settings, rotation=rotation), 0
        for frame in opened:
            if stop.is_set():
                return {}
            if isinstance(frame, Frame):
                survey.look(frame)
                count += 1
                done(count)
    return survey.banks()
