"""Runs the fuzzer: a process that reads broken inputs, watched from outside, and counts of what it did."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.fuzzing.inputs import Inputs
from benchmarks.fuzzing.targets import TARGETS
from benchmarks.fuzzing.watching import MEMORY, READER, Worker
from benchmarks.results import Result
from stream_unmask.errors import InputError
from stream_unmask.whole import write_whole

SEED = 20_261_128

_MOST_AT_ONCE = 2000
"""Inputs of a kind between two looks at the others, and two notes of how far the run is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is run.

    Attributes:
        corpora: folder with a folder of whole inputs for each kind.
        folder: where findings and the state lie; a run that was broken off goes on from there.
        counts: inputs of each kind, in the end.
        seed: of the breaking.
        longest: seconds that one input may take.
    """

    corpora: Path
    folder: Path
    counts: dict[str, int]
    seed: int = SEED
    longest: float = 10.0


@dataclass(slots=True)
class Count:
    """What became of the inputs of one kind.

    Attributes:
        next: the number of the first one that was not tried yet.
        read: without a word against them.
        refused: in a sentence.
        tracebacks: an error that is no sentence.
        hangs: longer than the plan allows.
        crashes: the process ended.
        seconds: for all of them.
        peak_mib: resident memory of the process at its highest, that of the kinds before it included.
    """

    next: int = 0
    read: int = 0
    refused: int = 0
    tracebacks: int = 0
    hangs: int = 0
    crashes: int = 0
    seconds: float = 0.0
    peak_mib: int = 0

    @property
    def findings(self) -> int:
        return self.tracebacks + self.hangs + self.crashes


def shares(total: int, kinds: Sequence[str] = ()) -> dict[str, int]:
    """Inputs of each kind, so that there are ``total``.

    Args:
        total: of all kinds.
        kinds: which; empty for all.
    """
    chosen = {kind: TARGETS[kind].share for kind in kinds or TARGETS}
    counts = {kind: max(1, total * share // sum(chosen.values())) for kind, share in chosen.items()}
    largest = max(counts, key=lambda kind: counts[kind])
    counts[largest] += max(0, total - sum(counts.values()))
    return counts


def run(plan: Plan, tell: Callable[[str], None], module: str = READER) -> dict[str, Count]:
    """Try all inputs of a plan that were not tried yet.

    Args:
        plan: what is tried.
        tell: gets a line now and then, and each finding.
        module: what the process that reads them runs.

    Raises:
        InputError: the corpora are incomplete, or the folder is of another run.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    counts = _resumed(plan)
    for kind in plan.counts:
        Inputs.read(plan.corpora, kind, TARGETS[kind].mutate, plan.seed)  # what is missing is said at once
    with Worker(plan.corpora, plan.seed, plan.longest, module) as worker:
        for kind, start, stop in _portions(plan, counts):
            began, count = time.monotonic(), counts[kind]
            while count.next < stop:
                _try(worker, plan, kind, count, stop, tell)
            seconds = time.monotonic() - began
            count.seconds += seconds
            _save(plan, counts)
            tell(f"{kind}: {stop:,} of {plan.counts[kind]:,} ({stop - start} in {seconds:.0f} s)")
    return counts


def as_result(counts: dict[str, Count], plan: Plan, command: str) -> Result:
    """A table of the counts."""
    columns = ["input", "tried", "read", "refused", "tracebacks", "hangs", "crashes", "inputs/s", "peak MiB"]
    rows = [
        [
            kind,
            *(f"{number:,}" for number in (each.next, each.read, each.refused)),
            *(str(number) for number in (each.tracebacks, each.hangs, each.crashes)),
            f"{each.next / max(each.seconds, 0.01):,.0f}",
            str(each.peak_mib),
        ]
        for kind, each in counts.items()
    ]
    total = sum(each.next for each in counts.values())
    what = (
        f"{total:,} inputs broken at random (seed {plan.seed}), each read in a process of {MEMORY >> 30} GiB"
    )
    return Result.now(what, command, columns, rows, f"A hang is more than {plan.longest:g} s.")


def _portions(plan: Plan, counts: dict[str, Count]) -> Iterator[tuple[str, int, int]]:
    """Kinds by turns, so that each has its share of a run that is broken off."""
    turns = max(-(-count // _MOST_AT_ONCE) for count in plan.counts.values())
    for turn in range(1, turns + 1):
        for kind, wanted in plan.counts.items():
            stop = wanted * turn // turns
            if stop > counts[kind].next:
                yield kind, counts[kind].next, stop


def _try(worker: Worker, plan: Plan, kind: str, count: Count, stop: int, tell: Callable[[str], None]) -> None:
    """Try inputs up to ``stop``, or to the one that ends the process."""

    def found(number: int, what: str, why: str) -> None:
        setattr(count, what, getattr(count, what) + 1)
        inputs = Inputs.read(plan.corpora, kind, TARGETS[kind].mutate, plan.seed)
        name, data = inputs[number]
        (plan.folder / f"{kind}-{number}-{name}").write_bytes(data)
        (plan.folder / f"{kind}-{number}.txt").write_text(why)
        tell(f"{kind} {number} ({name}), {what}: {why.strip().splitlines()[-1] if why.strip() else '?'}")

    ended = worker.work(kind, count.next, stop, lambda number, why: found(number, "tracebacks", why))
    number, read, refused = worker.progress()
    count.read, count.refused = count.read + read, count.refused + refused
    count.peak_mib = max(count.peak_mib, worker.peak_mib)
    if ended is None:
        count.next = stop
        return
    found(number, *ended)
    count.next = number + 1


def _resumed(plan: Plan) -> dict[str, Count]:
    path = plan.folder / "state.json"
    counts = {kind: Count() for kind in plan.counts}
    if not path.exists():
        return counts
    try:
        state: dict[str, Any] = json.loads(path.read_text())
        if state.pop("seed") != plan.seed:
            raise ValueError("another seed")
        return counts | {kind: Count(**count) for kind, count in state.items() if kind in counts}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{plan.folder} holds another run: {error}.", path=plan.folder) from error


def _save(plan: Plan, counts: dict[str, Count]) -> None:
    state = {"seed": plan.seed} | {kind: dataclasses.asdict(count) for kind, count in counts.items()}
    write_whole(plan.folder / "state.json", json.dumps(state, indent=1).encode())
