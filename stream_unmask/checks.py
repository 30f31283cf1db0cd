"""Checks of what is handed in, each with a sentence that says what would be right."""

from __future__ import annotations

from collections.abc import Sequence


def check_word(name: str, value: object, words: Sequence[str]) -> None:
    """Refuse what is not one of some words.

    Raises:
        ValueError: it is not.
    """
    if value not in words:
        raise ValueError(f"{name} must be one of {', '.join(words)}, got {value!r}")


def check_flag(name: str, value: object) -> None:
    """Refuse what is neither True nor False, as the text ``"no"``, which would count as True.

    Raises:
        ValueError: it is not.
    """
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be True or False, got {value!r}")
