"""Text on a terminal as it is: a file's name, tag or message is nothing to be obeyed."""

from __future__ import annotations

from rich.console import Console

from stream_unmask.cli.printable import printable


class PlainConsole(Console):
    """Prints on stderr, without markup, emoji codes, or control sequences of others.

    Args:
        quiet: print nothing.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        super().__init__(stderr=True, quiet=quiet, highlight=False, markup=False, emoji=False, soft_wrap=True)

    def say(self, text: str) -> None:
        """Print a line or a few."""
        self.print(printable(text))
