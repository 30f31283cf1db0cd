"""Of the page that ``serve`` shows, and what the documentation shows."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

import click

from benchmarks.results import fill_pages
from stream_unmask.cli.measure.common import CHECKOUT, command_line, json_option, tell

_portraits_option = click.option(
    "--portraits",
    type=click.Path(exists=True, path_type=Path),
    required=True,
    help="Folder or tar of faker-js/assets-person-portrait's pictures (CC0).",
)


def _picture_option(default: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    return click.option(
        "-o",
        "--output",
        type=click.Path(path_type=Path, dir_okay=False),
        default=Path(default),
        show_default=True,
        help="Picture to write; it replaces the one that is there.",
    )


@click.command()
@click.option("--seconds", type=click.FloatRange(1), default=15.0, show_default=True, help="Of watching.")
@click.option("--viewers", type=click.IntRange(1), multiple=True, default=(1, 10), show_default=True)
@click.option("--visits", type=click.IntRange(1), default=1000, show_default=True)
@json_option
def page(seconds: float, viewers: tuple[int, ...], visits: int, target: Path | None) -> None:
    """Tell how late `serve` shows a camera in Chromium, and what visits leave of memory and threads."""
    from benchmarks.page import measure as run

    tell(run(command_line(), seconds=seconds, viewers=viewers, visits=visits), target)


@click.command()
@click.option("--clients", type=click.IntRange(1), default=10, show_default=True, help="At the same time.")
@click.option("--minutes", type=click.FloatRange(0.1), default=3.0, show_default=True)
@json_option
def visitors(clients: int, minutes: float, target: Path | None) -> None:
    """Tell what `serve` is left with when clients open and close the page for minutes."""
    from benchmarks.page import visitors as run

    tell(run(command_line(), clients=clients, minutes=minutes), target)


@click.command(hidden=True)
@_portraits_option
@click.option(
    "-o",
    "--output",
    type=click.Path(exists=True, path_type=Path, file_okay=False),
    default=Path("docs"),
    show_default=True,
    help="Folder for the pictures.",
)
def screens(portraits: Path, output: Path) -> None:
    """Take the documentation's pictures of the page."""
    from benchmarks.screens import draw

    draw(portraits, output, click.echo)


@click.command(hidden=True)
@_portraits_option
@_picture_option("docs/unmasked.webp")
@click.option(
    "--keep", type=click.Path(path_type=Path, file_okay=False), help="Keep both videos in this folder."
)
def picture(portraits: Path, output: Path, keep: Path | None) -> None:
    """Make the README's moving picture: portraits of nobody, in masks and out of them."""
    from benchmarks.picture import draw

    with tempfile.TemporaryDirectory() as folder:
        videos = keep or Path(folder)
        videos.mkdir(parents=True, exist_ok=True)
        click.echo(draw(portraits, output, videos))


@click.command(hidden=True)
@_portraits_option
@_picture_option("docs/mark.png")
def mark_zoom(portraits: Path, output: Path) -> None:
    """Draw inpainted pixels without their mark, with it, and the difference, enlarged."""
    from benchmarks.mark_zoom import draw

    click.echo(draw(portraits, output))


@click.command(hidden=True)
@click.option(
    "--root",
    type=click.Path(exists=True, path_type=Path, file_okay=False),
    default=CHECKOUT,
    help="Checkout with the pages and the folder results.  [default: the one that this is run from]",
)
def tables(root: Path) -> None:
    """Write the tables of the README and its pages anew, from the figures in results/."""
    for page in fill_pages(root):
        click.echo(page)
