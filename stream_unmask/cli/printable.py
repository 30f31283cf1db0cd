"""What a message may send to a terminal."""

from __future__ import annotations

import re

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""Control characters, and those that turn the direction of writing: a name may end in what it isn't."""


def printable(text: str) -> str:
    """Text whose control characters are written out, but for the ends of lines."""
    return _CONTROL.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
