"""From what the user named to the files to do: one, or a folder's."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from stream_unmask.cli.ledger import Ledger
from stream_unmask.errors import InputError, OutputError
from stream_unmask.output.choosing import best_suffix
from stream_unmask.output.live.naming import Names, default_name, is_pattern
from stream_unmask.output.live.parsing import is_stream_output
from stream_unmask.output.masks import mask_path
from stream_unmask.output.parts import left_over, rescue, sweep
from stream_unmask.video.files import fitting_name, is_address, list_folder, output_name, redact
from stream_unmask.video.images import is_image


@dataclass(frozen=True, slots=True)
class Job:
    """One file or camera to unmask.

    Attributes:
        source: a path or an address; may hold a camera's password.
        outputs: the file to write; of a video also several, and addresses.
        picture: the source is a picture, not a video.
    """

    source: str
    outputs: tuple[str | Path, ...]
    picture: bool = False

    @property
    def output(self) -> Path:
        """The first output: of a picture or a file the only one."""
        return Path(self.outputs[0])

    @property
    def name(self) -> str:
        """The source, fit to be shown."""
        return redact(self.source) if is_address(self.source) else Path(self.source).name


@dataclass(frozen=True, slots=True)
class JobPlan:
    """What there is to do.

    Attributes:
        jobs: in their order.
        done_before: files of a folder that are left out because their output is there.
        passed_over: a sentence for each kind of thing in a folder that is no video or picture.
    """

    jobs: list[Job]
    done_before: int = 0
    passed_over: list[str] = field(default_factory=list)


def plan(
    source: str,
    outputs: Sequence[str],
    *,
    overwrite: bool,
    mark: str = "unmasked",
    recursive: bool = False,
    ledger: Ledger | None = None,
) -> JobPlan:
    """Find out what there is to do.

    Args:
        source: a file, a folder, or an address.
        outputs: where to write; by default beside the source, with ``mark`` in the name.
        overwrite: do files again whose output is there.
        mark: says in that name what was done.
        recursive: do the folders in a folder too.
        ledger: learns which file is looked into.

    Raises:
        InputError: the source is missing, or a folder without a picture or video.
        OutputError: the outputs do not fit the source.
    """
    if is_address(source):
        return JobPlan([Job(source, tuple(outputs) or (default_name(source, mark),))])
    ledger, path = ledger or Ledger(), Path(source)
    if not path.exists():
        raise InputError(f"{path} does not exist.", path=path)
    if len(outputs) > 1 or any(_is_stream(output, path) for output in outputs):
        if path.is_dir() or is_image(path):
            raise OutputError(
                f"What is made of {path} is written to one place; name one file or folder.", path=path
            )
        return JobPlan([Job(source, tuple(outputs))])
    output = Path(outputs[0]) if outputs else None
    if not path.is_dir():
        return JobPlan([Job(source, (_target(path, output, mark, ledger),), is_image(path))])
    return _plan_folder(path, output or path.with_name(f"{path.name}.{mark}"), overwrite, recursive, ledger)


def _is_stream(output: str, source: Path) -> bool:
    """Whether an output is a stream; ``NAME/`` is one of HLS, but a folder where a folder is read."""
    folder = Path(output).is_dir() or (source.is_dir() and output.endswith("/") and "://" not in output)
    return is_stream_output(output) and not folder


def _target(path: Path, output: Path | None, mark: str, ledger: Ledger) -> Path:
    """The file to write, for one to read."""
    if output is not None and not output.is_dir():
        return output
    name = _output_name(path, ledger)
    return output / name if output else path.with_name(fitting_name(name.stem, f".{mark}{name.suffix}"))


def _plan_folder(folder: Path, output: Path, overwrite: bool, recursive: bool, ledger: Ledger) -> JobPlan:
    if output.resolve() == folder.resolve():
        raise OutputError("The output folder must not be the input folder.", path=output)
    listing = list_folder(folder, recursive=recursive)
    # An output folder within the input's holds what was made of it, and not what is to be done.
    media = [path for path in listing.media if not path.resolve().is_relative_to(output.resolve())]
    jobs = []
    for path in media:
        target = output / path.parent.relative_to(folder) / _output_name(path, ledger)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            folder = target.parent
            raise OutputError(f"Cannot make the folder {folder}: {error.strerror}.", path=folder) from error
        jobs.append(Job(str(path), (target,), is_image(path)))
    waiting = [job for job in jobs if overwrite or not job.output.exists()]
    hints = ["--recursive goes into folders, too."] if listing.folders else []
    return JobPlan(waiting, len(jobs) - len(waiting), [*listing.passed_over, *hints])


def tidy(job: Job) -> list[str]:
    """Clear away what a process that crashed has left of a file's outputs.

    Returns:
        Sentences on where the recordings of a camera are, which are kept.
    """
    files = [Path(output) for output in job.outputs if not is_stream_output(output)]
    if not is_address(job.source):
        for path in files:
            for each in (path, mask_path(path, ".png" if job.picture else ".mp4")):
                sweep(each)
        return []
    kept: list[Path] = []
    for path in files:
        target = Names(path).target(time.time())
        for name in left_over(target.parent) if is_pattern(path) else {target}:
            kept += rescue(name)
    return [f"What was recorded is in {path}." for path in kept]


def _output_name(path: Path, ledger: Ledger) -> Path:
    """What the output of a file is called; a video of a kind that can only be read, by what it holds."""
    name = Path(output_name(path))
    if name.name == path.name or is_image(path) or ledger.has_crashed(path):
        return name
    ledger.begin(path)
    return Path(fitting_name(path.name, best_suffix(path)))
