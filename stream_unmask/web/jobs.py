"""Files that visitors bring: kept for a while, worked on one after the other, with fair turns."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from stream_unmask.errors import UnmaskError
from stream_unmask.video.files import is_image
from stream_unmask.web.options import Limits
from stream_unmask.web.work import Order
from stream_unmask.web.workshop import WorkerDiedError, Workshop

_log = logging.getLogger(__name__)

JobState = Literal["uploading", "queued", "running", "done", "failed"]
OVER: frozenset[JobState] = frozenset(("done", "failed"))

StandIn = Literal["auto", "none"] | Mapping[int, int | Literal["none"]]

_LOOK = 5.0
"""Seconds between two looks for what is too old."""

_KEPT_SUFFIXES = frozenset((".jpg", ".jpeg", ".png", ".webp", ".avif", ".tif", ".tiff", ".bmp"))


class TooManyError(UnmaskError):
    """There are as many files as may be."""


@dataclass(eq=False)
class Job:
    """One file on its way.

    Attributes:
        id: names it, and cannot be guessed.
        owner: whose it is.
        name: of the file, as its owner calls it; for showing alone.
        folder: its own; nothing in it bears a name that came from outside.
        stand_in: as ``Settings.stand_in`` takes it.
        state: what it does now.
        created: by ``time.time``.
        ended: when it was over.
        share: how much of it is done, 0..1.
        frames: that are done.
        total: frames in all, where that is known.
        error: why it failed.
        report: what came of it.
        changed: set and replaced at each change.
    """

    id: str
    owner: str
    name: str
    folder: Path
    stand_in: StandIn = "auto"
    state: JobState = "uploading"
    created: float = field(default_factory=time.time)
    began: float | None = None
    ended: float | None = None
    share: float = 0.0
    frames: int = 0
    total: int | None = None
    error: str = ""
    report: dict[str, Any] | None = None
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def source(self) -> Path:
        return self.folder / f"source{_suffix(self.name)}"

    @property
    def picture(self) -> bool:
        return is_image(self.source)

    @property
    def result_name(self) -> str:
        """What the result is called on disk."""
        if not self.picture:
            return "result.mp4"
        suffix = self.source.suffix
        return f"result{suffix if suffix in _KEPT_SUFFIXES else '.png'}"

    @property
    def result(self) -> Path:
        return self.folder / self.result_name

    @property
    def shown_name(self) -> str:
        """What the result is called where it is downloaded."""
        return f"{Path(self.name).stem or 'result'}.unmasked{self.result.suffix}"

    @property
    def left(self) -> float | None:
        """Seconds until it is done, as far as that can be told."""
        if self.state != "running" or self.began is None or self.share < 0.02:
            return None
        passed = time.time() - self.began
        return passed / self.share - passed

    def change(self, **values: Any) -> None:
        """Set attributes, and wake up those who follow it."""
        for name, value in values.items():
            setattr(self, name, value)
        if self.state in OVER and self.ended is None:
            self.ended = time.time()
        woken, self.changed = self.changed, asyncio.Event()
        woken.set()


class Jobs:
    """All files, and their turns.

    Args:
        workshop: works on them.
        folder: for their files; removed at the end.
        limits: how many, how large, for how long.
    """

    def __init__(self, workshop: Workshop, folder: Path, limits: Limits) -> None:
        self._workshop, self._folder, self._limits = workshop, folder, limits
        self._jobs: dict[str, Job] = {}
        self._queue: list[Job] = []
        self._turn = 0
        self._served: dict[str, int] = {}
        self._more = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._running: Job | None = None

    def begin(self) -> None:
        """Begin to take turns."""
        self._tasks = [asyncio.create_task(self._turns()), asyncio.create_task(self._tidy())]

    async def close(self) -> None:
        """Stop, and delete all files."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    def of(self, owner: str) -> list[Job]:
        """An owner's jobs, the newest first."""
        return sorted(
            (job for job in self._jobs.values() if job.owner == owner), key=lambda job: -job.created
        )

    def get(self, owner: str, number: str) -> Job:
        """An owner's job.

        Raises:
            KeyError: there is none, or it is another's.
        """
        job = self._jobs[number]
        if job.owner != owner:
            raise KeyError(number)
        return job

    @property
    def counts(self) -> dict[str, int]:
        """How many there are in each state."""
        states = [job.state for job in self._jobs.values()]
        return {state: states.count(state) for state in ("uploading", "queued", "running", "done", "failed")}

    def ahead(self, job: Job) -> int:
        """How many files come before it, at least."""
        if job not in self._queue:
            return 0
        return sum(each.owner == job.owner for each in self._queue[: self._queue.index(job)]) + (
            self._running is not None
        )

    def create(self, owner: str, name: str, stand_in: StandIn = "auto") -> Job:
        """A job whose file is still to come.

        Raises:
            TooManyError: there are as many as may be, of this owner or of all.
        """
        if len(self._jobs) >= self._limits.uploads:
            raise TooManyError("As many files as may be are here already; try again later.")
        if len(self.of(owner)) >= self._limits.each:
            raise TooManyError(f"You have {self._limits.each} files here already; delete one first.")
        number = secrets.token_urlsafe(12)
        job = Job(number, owner, shown(name), self._folder / number, stand_in)
        job.folder.mkdir(mode=0o700)
        self._jobs[number] = job
        return job

    def submit(self, job: Job) -> None:
        """Its file is there: it waits for its turn."""
        job.change(state="queued")
        self._queue.append(job)
        self._more.set()

    def follow(self, job: Job, work: Callable[[Job], Awaitable[None]]) -> None:
        """Have a job done by something other than the worker, such as a camera that is recorded."""

        async def followed() -> None:
            job.change(state="running", began=time.time())
            try:
                await work(job)
                job.change(state="done", share=1.0)
            except UnmaskError as error:
                job.change(state="failed", error=str(error))

        job.task = asyncio.create_task(followed())

    async def delete(self, job: Job) -> None:
        """Stop it, and delete its files."""
        self._jobs.pop(job.id, None)
        if job in self._queue:
            self._queue.remove(job)
        if job.task is not None:
            job.task.cancel()
            await asyncio.gather(job.task, return_exceptions=True)
        job.change(state="failed", error="It was deleted.")
        await asyncio.to_thread(shutil.rmtree, job.folder, True)

    async def changes(self, job: Job) -> AsyncIterator[Job]:
        """A job at each of its changes, until it is over."""
        while True:
            changed = job.changed
            yield job
            if job.state in OVER:
                return
            await changed.wait()

    async def _turns(self) -> None:
        while True:
            while not self._queue:
                self._more.clear()
                await self._more.wait()
            job = self._next()
            self._running = job
            job.task = asyncio.create_task(self._work(job))
            await asyncio.gather(job.task, return_exceptions=True)
            self._running = None

    def _next(self) -> Job:
        """The first file of the owner whose last turn was longest ago."""
        owners = list(dict.fromkeys(job.owner for job in self._queue))
        owner = min(owners, key=lambda each: self._served.get(each, 0))
        self._turn += 1
        here = {each.owner for each in self._jobs.values()}
        self._served = {each: turn for each, turn in self._served.items() if each in here} | {
            owner: self._turn
        }
        job = next(job for job in self._queue if job.owner == owner)
        self._queue.remove(job)
        return job

    async def _work(self, job: Job) -> None:
        job.change(state="running", began=time.time())
        order = Order(job.source, job.folder, job.result_name, job.stand_in, self._limits.upload_seconds)
        try:
            async with asyncio.timeout(self._limits.work_seconds):
                await self._follow(job, self._workshop.run(order))
        except TimeoutError:
            await self._workshop.kill()
            job.change(state="failed", error="It took longer than a file may take here.")
        except UnmaskError as error:
            job.change(state="failed", error=str(error))
        except asyncio.CancelledError:
            await self._workshop.kill()  # at once, whatever its decoder does
            raise
        except Exception:
            _log.exception("A job failed")
            job.change(state="failed", error="It failed; the server's log says more.")

    async def _follow(self, job: Job, words: AsyncIterator[dict[str, Any]]) -> None:
        async with contextlib.aclosing(words) as said:  # type: ignore[type-var]
            async for word in said:
                if "error" in word:
                    raise UnmaskError(word["error"])
                if "report" in word:
                    job.change(state="done", share=1.0, report=word["report"])
                else:
                    job.change(share=word["done"], frames=word["frames"], total=word["total"])

    async def _tidy(self) -> None:
        """Delete what is over for longer than it is kept."""
        while True:
            await asyncio.sleep(_LOOK)
            late = time.time() - self._limits.keep
            for job in [job for job in self._jobs.values() if job.ended is not None and job.ended < late]:
                await self.delete(job)


def shown(name: str) -> str:
    """A file's name as it may be shown and sent: the last part of a path, without what cannot be seen."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    return "".join(letter for letter in last if letter.isprintable())[:120] or "upload"


def _suffix(name: str) -> str:
    suffix = Path(name).suffix.lower()
    plain = suffix[1:].isascii() and suffix[1:].isalnum() and len(suffix) <= 6
    return suffix if plain else ""


def plain(job: Job, ahead: int) -> dict[str, Any]:
    """A job as the API shows it."""
    done = job.state == "done"
    base = f"/api/v1/jobs/{job.id}"
    shows = {} if not done else {"result": f"{base}/result"}
    if done and job.report is not None and job.picture:
        shows |= {"before": f"{base}/before", "after": f"{base}/after"}
    elif done and job.report is not None:
        shows |= {"preview": f"{base}/preview"}
    return {
        "id": job.id,
        "name": job.name,
        "kind": "picture" if job.picture else "video",
        "state": job.state,
        "ahead": ahead,
        "share": round(job.share, 4),
        "frames": job.frames,
        "total": job.total,
        "seconds_left": None if job.left is None else round(job.left, 1),
        "created": job.created,
        "error": job.error,
        "report": job.report,
        "links": shows,
    }


__all__ = ["OVER", "Job", "Jobs", "StandIn", "TooManyError", "WorkerDiedError", "plain", "shown"]
