"""From what the user named to the files to do: one, or a folder's."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from stream_unmask.errors import InputError, OutputError
from stream_unmask.video.files import is_address, list_media, output_name, redact
from stream_unmask.video.images import is_image


@dataclass(frozen=True, slots=True)
class Job:
    """One file or camera to unmask.

    Attributes:
        source: a path or an address; may hold a camera's password.
        output: the file to write.
        picture: the source is a picture, not a video.
    """

    source: str
    output: Path
    picture: bool = False

    @property
    def name(self) -> str:
        """The source, fit to be shown."""
        return redact(self.source) if is_address(self.source) else Path(self.source).name


def plan(
    source: str, output: Path | None, *, overwrite: bool, mark: str = "unmasked"
) -> tuple[list[Job], int]:
    """Find out what there is to do.

    Args:
        source: a file, a folder, or an address.
        output: where to write; by default beside the source, with ``mark`` in the name.
        overwrite: do files again whose output is there.
        mark: says in that name what was done.

    Returns:
        The jobs, and how many files of a folder were left out because they were done before.

    Raises:
        InputError: the source is missing, or a folder without a picture or video.
    """
    if is_address(source):
        return [Job(source, output or Path(f"camera.{mark}.mp4"))], 0
    path = Path(source)
    if not path.exists():
        raise InputError(f"{path} does not exist.", path=path)
    if not path.is_dir():
        name = Path(output_name(path))
        target = output or path.with_name(f"{name.stem}.{mark}{name.suffix}")
        if target.is_dir():
            target = target / name
        return [Job(source, target, is_image(path))], 0
    return _plan_folder(path, output or path.with_name(f"{path.name}.{mark}"), overwrite)


def _plan_folder(folder: Path, output: Path, overwrite: bool) -> tuple[list[Job], int]:
    media = list_media(folder)
    if output.resolve() == folder.resolve():
        raise OutputError("The output folder must not be the input folder.")
    try:
        output.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(f"Cannot make the folder {output}: {error.strerror}.", path=output) from error
    jobs = [Job(str(path), output / output_name(path), is_image(path)) for path in media]
    waiting = [job for job in jobs if overwrite or not job.output.exists()]
    return waiting, len(jobs) - len(waiting)
