"""A folder of photos to shards of aligned faces.

In two stages, so that an interrupted run goes on where it stopped: several processes find and align the
faces of a few photos at a time and put each bunch beside the shards as a file of its own; then one process
drops duplicates, splits people into sets and writes the shards.
"""

from __future__ import annotations

import json
import multiprocessing
import shutil
import signal
import tarfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field
from pathlib import Path

import cv2
import numpy as np

from engines.whole import replacing
from stream_unmask.errors import UnmaskError
from stream_unmask.video.files import is_image
from trainer.data import shards_of
from trainer.packing.finding import FaceFinder
from trainer.packing.identities import identities, is_held_out
from trainer.packing.portrait import UnfitError, Wishes, as_json, portrait
from trainer.packing.shards import Duplicates, Notes, ShardWriter, add, entries

_BUNCH = 64


@dataclass(frozen=True, slots=True)
class PackSettings:
    """What is packed and how.

    Attributes:
        name: of the set; people held out go to ``val_<name>``.
        ids: see :func:`trainer.packing.identities.identities`.
        held_out: share of the people to hold out, 0..1.
        seed: decides who is held out.
        workers: processes.
        per_shard: faces in a shard.
        wishes: which faces.
    """

    name: str
    ids: Path | None = None
    held_out: float = 0.05
    seed: int = 0
    workers: int = 1
    per_shard: int = 1000
    wishes: Wishes = field(default_factory=Wishes)


@dataclass(frozen=True, slots=True)
class Packed:
    """What came of it.

    Attributes:
        faces: packed, by set.
        people: told apart, by set.
        left_out: photos not packed, by reason.
    """

    faces: dict[str, int]
    people: dict[str, int]
    left_out: Counter[str]


def pack(folder: Path, output: Path, settings: PackSettings, progress: Callable[[int, int], None]) -> Packed:
    """Pack the photos of a folder and of the folders in it.

    Photos that were left out are named, with the reason, in ``<name>-left-out.txt`` beside the shards.

    Args:
        folder: of photos.
        output: folder for the shards; made where it is missing.
        settings: what and how.
        progress: told how many photos are done, of how many.

    Raises:
        UnmaskError: there are no photos or no faces, the shards are there already, what lies there was
            begun with other settings, or the work broke off.
    """
    paths = sorted(path for path in folder.rglob("*") if is_image(path) and path.is_file())
    if not paths:
        raise UnmaskError(f"There are no photos in {folder}.", path=folder)
    people = identities(paths, folder, settings.ids)
    bunches = output / f".{settings.name}-bunches"
    if not bunches.exists() and shards_of(output, settings.name):
        raise UnmaskError(f"{output} holds shards of the set '{settings.name}' already.", path=output)
    _agree(bunches, paths, settings)
    names = (str(path.relative_to(folder)) for path in paths)
    try:
        _align_all(paths, folder, bunches, settings, progress)
        packed = _write(bunches, output, dict(zip(names, people, strict=True)), settings)
    except BrokenProcessPool as error:
        raise UnmaskError(
            "A process was killed, perhaps for lack of memory; what was done is kept, and fewer workers need "
            "less of it.",
            hint="workers=1",
        ) from error
    except OSError as error:
        raise UnmaskError(
            f"{output} cannot be written ({error.strerror}); what was done is kept, and is gone on with.",
            path=output,
        ) from error
    shutil.rmtree(bunches)
    return packed


def _agree(bunches: Path, paths: Sequence[Path], settings: PackSettings) -> None:
    """Leave a note of what this run packs, or hold it against that of the run that was interrupted."""
    note = bunches / "settings.json"
    wanted = json.dumps({"photos": [str(path) for path in paths], "wishes": asdict(settings.wishes)})
    try:
        bunches.mkdir(parents=True, exist_ok=True)
        if not note.exists():
            note.write_text(wanted)
    except OSError as error:
        raise UnmaskError(f"{bunches} cannot be written: {error.strerror}.", path=bunches) from error
    if note.read_text() != wanted:
        raise UnmaskError(
            f"{bunches} was begun with other photos or settings: delete it to begin anew.", path=bunches
        )


def _align_all(
    paths: Sequence[Path],
    folder: Path,
    bunches: Path,
    settings: PackSettings,
    progress: Callable[[int, int], None],
) -> None:
    """Make the bunches that are missing."""
    starts = range(0, len(paths), _BUNCH)
    missing = [start for start in starts if not _bunch(bunches, start).exists()]
    done = len(paths) - sum(len(paths[start : start + _BUNCH]) for start in missing)
    progress(done, len(paths))
    # Forked children would share the threads of libraries that do not expect it.
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(settings.workers, fresh, initializer=_begin) as pool:
        running = {
            pool.submit(
                _align, paths[start : start + _BUNCH], folder, _bunch(bunches, start), settings.wishes
            )
            for start in missing
        }
        try:
            for finished in as_completed(running):
                done += finished.result()
                progress(done, len(paths))
        except BaseException:
            # Waits for the bunches in hand; leaving the pool would else let it do all the others, too.
            pool.shutdown(cancel_futures=True)
            raise


def _bunch(bunches: Path, start: int) -> Path:
    return bunches / f"{start:09d}.tar"


_finder: FaceFinder | None = None


def _begin() -> None:
    """Make a worker process ready."""
    global _finder
    # Ctrl+C reaches all processes: the first one decides; the others finish their bunch.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    cv2.setNumThreads(1)
    _finder = FaceFinder(threads=1)


def _align(paths: Sequence[Path], folder: Path, bunch: Path, wishes: Wishes) -> int:
    """Align the faces of some photos in a worker process; returns how many photos those were."""
    assert _finder is not None
    with replacing(bunch) as part, tarfile.open(part, "w") as tar:
        for number, path in enumerate(paths):
            name, jpeg = str(path.relative_to(folder)), b""
            notes: Notes = {"path": name}
            try:
                face = portrait(path, _finder, wishes)
            except UnfitError as reason:
                notes["unfit"] = str(reason)
            except Exception as error:  # one broken photo among millions must not end the work
                notes["unfit"] = f"{type(error).__name__}: {error}"
            else:
                jpeg = face.jpeg
                notes |= face.notes | {"fingerprint": face.fingerprint.tobytes().hex()}
            add(tar, f"{number:06d}.jpg", jpeg)
            add(tar, f"{number:06d}.json", as_json(notes))
    return len(paths)


def _write(bunches: Path, output: Path, people: dict[str, str], settings: PackSettings) -> Packed:
    """Write the shards of both sets, and the list of what was left out."""
    names = (settings.name, f"val_{settings.name}")
    known, left_out = Duplicates(), Counter[str]()
    met: tuple[set[str], set[str]] = (set(), set())
    report = output / f"{settings.name}-left-out.txt"
    with (
        ShardWriter(output, names[0], settings.per_shard) as training,
        ShardWriter(output, names[1], settings.per_shard) as held_out,
        report.open("w", encoding="utf-8") as list_,
    ):
        for bunch in sorted(bunches.glob("*.tar")):
            for jpeg, notes in entries(bunch):
                path = str(notes["path"])
                reason = notes.get("unfit")
                if reason is None:
                    print_ = np.frombuffer(bytes.fromhex(str(notes.pop("fingerprint"))), np.uint8)
                    reason = None if known.is_new(print_) else "seen before"
                if reason is not None:
                    left_out[str(reason)] += 1
                    list_.write(f"{path}\t{reason}\n")
                    continue
                person = people[path]
                set_ = int(is_held_out(person, settings.held_out, settings.seed))
                met[set_].add(person)
                (training, held_out)[set_].write(jpeg, notes | {"set": names[set_], "id": person})
    faces = dict(zip(names, (training.faces, held_out.faces), strict=True))
    if not any(faces.values()):
        raise UnmaskError(f"Not one face could be used; {report} says why.")
    return Packed(faces, dict(zip(names, map(len, met), strict=True)), left_out)
