"""Checks of what is handed in, each with a sentence that says what would be right."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real


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


def check_count(name: str, value: object, least: int, most: int | None = None) -> None:
    """Refuse what is no whole number from ``least`` to ``most``; None for no end.

    Raises:
        ValueError: it is not.
    """
    whole = isinstance(value, Integral) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):  # type: ignore[operator]
        upwards = f"{least} or more" if most is None else f"{least} to {most}"
        raise ValueError(f"{name} must be a whole number, {upwards}, got {value!r}")


def check_seconds(name: str, value: object, *, above: bool = False) -> None:
    """Refuse what is no time: a number of seconds from 0 on, or ``above`` 0; it may be infinite.

    Raises:
        ValueError: it is not.
    """
    known = isinstance(value, Real) and not isinstance(value, bool)
    if not known or not (value > 0 if above else value >= 0):  # type: ignore[operator]
        raise ValueError(f"{name} must be {'more than 0' if above else '0 or more'} seconds, got {value!r}")
