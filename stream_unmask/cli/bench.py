"""``stream-unmask bench``: how fast this machine unmasks, and how late."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import click
from rich.console import Console

from engines import BACKENDS, PRECISIONS, Precision
from stream_unmask.cli.options import weights_option
from stream_unmask.errors import MissingExtraError, UnmaskError
from stream_unmask.video.files import is_address

_MOST = 16
"""Faces in a frame, and streams at the same time."""

_LARGEST_BATCH = 64
"""Faces that the networks work on at once, alone."""

_LEAST_SIDE = 64
"""Pixels of the made clip: less holds no face."""


def _counts(_ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[int, ...]:
    """Whole numbers with commas between them."""
    most = _LARGEST_BATCH if param.name == "batches" else _MOST
    parts = [] if value is None else value.split(",")
    counts = [int(part) for part in parts if part.strip().isdecimal()]
    if len(counts) != len(parts) or not all(1 <= count <= most for count in counts):
        raise click.BadParameter(f"{value!r} is not a list of numbers from 1 to {most}, such as 1,2,4.")
    return tuple(dict.fromkeys(counts))


def _sizes(_ctx: click.Context, _param: click.Parameter, value: str | None) -> tuple[tuple[int, int], ...]:
    """Sizes of a picture with commas between them."""
    parts = [] if value is None else value.split(",")
    matches = [re.fullmatch(r"(\d{2,4})x(\d{2,4})", part.strip()) for part in parts]
    sizes = [(int(match[1]), int(match[2])) for match in matches if match is not None]
    if len(sizes) != len(parts) or any(side % 2 or side < _LEAST_SIDE for size in sizes for side in size):
        raise click.BadParameter(
            f"{value!r} is not a list of even sizes from {_LEAST_SIDE}x{_LEAST_SIDE} up,"
            " such as 640x360,1280x720."
        )
    return tuple(dict.fromkeys(sizes))


@click.command()
@click.argument("video", required=False)
@click.option(
    "--backend",
    "backends",
    type=click.Choice(BACKENDS[1:]),
    multiple=True,
    help="Measure this one; may be repeated.  [default: all that can run here]",
)
@click.option(
    "--precision",
    "precisions",
    type=click.Choice(PRECISIONS),
    multiple=True,
    default=("auto",),
    help="Measure each backend in this; may be repeated.  [default: auto]",
)
@click.option(
    "--faces", metavar="N[,N...]", callback=_counts, help="Masked faces in the test clip.  [default: 1]"
)
@click.option(
    "--size",
    "sizes",
    metavar="WxH[,WxH...]",
    callback=_sizes,
    help="Size of the test clip.  [default: 1280x720]",
)
@click.option(
    "--streams",
    metavar="N[,N...]",
    callback=_counts,
    default="1",
    show_default=True,
    help="Streams to unmask at the same time.",
)
@click.option(
    "--batch",
    "batches",
    metavar="N[,N...]",
    callback=_counts,
    help="Also measure the networks alone, on this many faces at once.",
)
@click.option("--frames", type=click.IntRange(2), default=100, show_default=True, help="Frames to measure.")
@weights_option
@click.option(
    "--threads", type=click.IntRange(0), default=0, help="CPU threads per network.  [default: all cores]"
)
@click.option(
    "--json",
    "json_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write all figures to this file.",
)
@click.option(
    "--plot",
    "plot_path",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Draw the figures into this PNG file.",
)
@click.option(
    "--share", "shared", is_flag=True, help="Print one row for the documentation's table of machines instead."
)
def bench(
    video: str | None,
    backends: tuple[str, ...],
    precisions: tuple[Precision, ...],
    faces: tuple[int, ...],
    sizes: tuple[tuple[int, int], ...],
    streams: tuple[int, ...],
    batches: tuple[int, ...],
    frames: int,
    weights: Path,
    threads: int,
    json_path: Path | None,
    plot_path: Path | None,
    shared: bool,
) -> None:
    """Measure how fast this machine unmasks VIDEO, and how late each frame of a camera would come.

    Every backend is compared with decoding and encoding alone. Without VIDEO, a test clip is made. Where
    --faces, --size or --streams gets several values, the first backend is measured at each of them too:
    `stream-unmask bench --faces 1,2,4,8,16 --plot faces.png`.
    """
    if video is not None and (faces or sizes):
        raise click.UsageError("--faces and --size describe the test clip: leave them out, or VIDEO.")
    if video is not None and is_address(video):
        raise UnmaskError("A benchmark needs a file: a camera never shows the same thing twice.")
    _check_parts(json_path, plot_path, clip=video is None)
    from benchmarks.comparison import ComparisonPlan, Point, base_point, compare, points_along
    from benchmarks.plots import plot
    from benchmarks.tables import as_json, share, show
    from stream_unmask.whole import write_whole

    path = None if video is None else Path(video)
    (face, *more_faces), (size, *more_sizes) = faces or (1,), sizes or ((1280, 720),)
    stream, *more_streams = streams
    base = base_point(path, Point(size, face, stream))
    points = points_along(base, more_faces, more_sizes, more_streams)
    plan = ComparisonPlan(
        points=points,
        video=path,
        backends=backends,
        precisions=precisions,
        frames=frames,
        weights=weights,
        threads=threads,
        batches=batches,
    )
    with Console(stderr=True, highlight=False).status("starting") as status:
        comparison = compare(plan, lambda what: status.update(f"Measuring: {what}"))
    if shared:
        click.echo(share(comparison))
    else:
        show(comparison, Console(highlight=False, soft_wrap=True))
    if json_path is not None:
        write_whole(json_path, as_json(comparison).encode())
    if plot_path is not None:
        plot(comparison, plot_path)


def _check_parts(json_path: Path | None, plot_path: Path | None, *, clip: bool) -> None:
    """Complain of what is missing before a minute is spent on measuring."""
    for path in (json_path, plot_path):
        if path is not None and not path.absolute().parent.is_dir():
            raise UnmaskError(
                f"The folder {path.absolute().parent} does not exist.", path=path.absolute().parent
            )
    if plot_path is not None and find_spec("matplotlib") is None:
        raise MissingExtraError("Plots are drawn by matplotlib", "bench")
    if clip and find_spec("skimage") is None:
        raise MissingExtraError("The photograph of the test clip comes with scikit-image", "bench")
