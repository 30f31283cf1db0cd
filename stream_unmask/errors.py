"""The one kind of error a user is meant to see."""

from __future__ import annotations


class UnmaskError(Exception):
    """Something the user can act on, said in one sentence.

    The command line prints ``str(error)`` on stderr and exits with code 1; the Python API raises it.
    Everything that is the user's to mend (a missing file, a full disk, an unknown codec) is one of
    these; everything else is a defect of ours and keeps its traceback.
    """
