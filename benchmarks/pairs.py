"""How fast training pairs and clips are made on one core."""

from __future__ import annotations

import time
from pathlib import Path

import cv2

from engines.probe import cpu_name
from stream_unmask.synth.pairs import PairSettings
from trainer.clips import ClipData
from trainer.data import read_photos, training_sets
from trainer.pairs import PairData

_WARM_UP = 30


def measure(shards: Path, *, sets: tuple[str, ...], size: int, count: int, rounds: int) -> str:
    """Make pairs and two-frame clips, as training does, in this process alone.

    Seconds are those of the processor, not of the clock, so that a busy machine does not count; the best
    round is taken.

    Args:
        shards: folder of photo shards.
        sets: names of the sets to draw from; the first one to train on if there are none.
        size: side of the crops in pixels.
        count: samples in a round.
        rounds: how many.

    Returns:
        A line for people.
    """
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        photos = read_photos(shards, sets or training_sets(shards)[:1])
        pairs = _seconds(PairData(photos, PairSettings(size=size), 0, count), count, rounds)
        moving = PairSettings(size=size, masked=1.0, distracted=0.0, damage=0.5)
        clips = _seconds(ClipData(photos, moving, 0, count), count, rounds)
    finally:
        cv2.setNumThreads(threads)
    return (
        f"{_told(pairs, 'pairs')} and {_told(clips, 'two-frame clips')} on one core at {size} px,"
        f" by processor time ({cpu_name()})"
    )


def _told(seconds: float, what: str) -> str:
    return f"{1 / seconds:.0f} {what}/s ({1000 * seconds:.2f} ms each)"


def _seconds(samples: PairData, count: int, rounds: int) -> float:
    """Processor time of one sample."""
    for number in range(_WARM_UP):
        samples[number % count]
    best = float("inf")
    for _ in range(rounds):
        start = time.process_time()
        for number in range(count):
            samples[number]
        best = min(best, time.process_time() - start)
    return best / count
