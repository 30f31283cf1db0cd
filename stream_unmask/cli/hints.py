"""What a person types to mend an error; the library only says what is wrong."""

from __future__ import annotations

from stream_unmask.errors import UnmaskError

_PROGRAMS = ("pip ", "stream-unmask ")


def with_hint(error: UnmaskError) -> str:
    """An error's sentence and, in brackets, the option to add or the command to run, where one mends it."""
    sentence, hint = str(error), error.hint
    if hint is None or hint in sentence:
        return sentence
    if hint.startswith(_PROGRAMS):
        advice = f"run {hint}"
    else:
        name, _, value = hint.partition("=")
        advice = f"add --{name.replace('_', '-')} {value}".rstrip()
    return f"{sentence.removesuffix('.')} ({advice})."
