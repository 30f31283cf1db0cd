"""The work in a process of its own: a decoder that crashes takes down neither the word on it nor other files.

Decoders are C, and some crash over what strangers send. The process that was called forks before anything
heavy is loaded, and only waits: it passes signals on, ends as the work ends, and where that crashes, has
another process go on with what is left.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
import time
from typing import NoReturn

import click

from stream_unmask.cli.ledger import Ledger, crash_name

_CRASHES = (signal.SIGSEGV, signal.SIGABRT, signal.SIGBUS, signal.SIGILL, signal.SIGFPE)
_PASSED_ON = {
    *(signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2),
    *(signal.SIGTSTP, signal.SIGCONT),
}
_STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
_AWAITED = {*_PASSED_ON, signal.SIGCHLD}

_TOGETHER = 0.05
"""Seconds within which a signal that is sent to a whole group of processes has come to each."""

_PR_SET_PDEATHSIG = 1
_TIDY_LINE = "\r\x1b[2K\x1b[?25h"
"""Ends a progress bar that its process has left on a terminal, and shows the cursor again."""


def work_apart() -> Ledger:
    """Go on in another process, which this one waits for and ends like.

    For Linux, where it also ends when this one is killed. Where there is no other process to be had, nothing
    happens.

    Returns:
        What is known of the work, in the process that is to do it. The one that waits never returns.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _AWAITED)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    descriptor = os.memfd_create("ledger")
    ledger, begun = Ledger(descriptor), True
    while begun:
        size = os.fstat(descriptor).st_size
        hearing, telling = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        watcher = os.getpid()
        try:
            worker = os.fork()
        except OSError:  # as many processes as may be
            worker = watcher
        if worker in (0, watcher):
            if not worker:
                _become_worker(watcher, telling)
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            ledger.replay()
            return ledger
        os.close(telling)
        code, stopped = _wait(worker, hearing)
        os.close(hearing)
        if -code not in _CRASHES:
            _end_like(code)
        if sys.stderr.isatty():
            sys.stderr.write(_TIDY_LINE)
        begun = os.fstat(descriptor).st_size > size and not stopped
        ledger.crash(-code)
    when = "while the work was stopped" if stopped else "before any file was read"
    click.echo(f"stream-unmask: a library crashed ({crash_name(-code)}) {when}.", err=True)
    _end_like(1)


def _become_worker(watcher: int, telling: int) -> None:
    """Die with the process that waits, and tell it of every signal that comes by another way."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL), 0, 0, 0)
    if os.getppid() != watcher:  # it was killed in between
        os._exit(1)
    signal.set_wakeup_fd(telling, warn_on_full_buffer=False)


def _wait(worker: int, hearing: int) -> tuple[int, bool]:
    """Pass signals on until a process ends.

    Returns:
        Its exit code, below zero the signal that ended it, and whether it was asked to stop.
    """
    stopped = False
    while True:
        number = signal.sigwaitinfo(_AWAITED).si_signo
        if number == signal.SIGCHLD:
            ended, status = os.waitpid(worker, os.WNOHANG)
            if ended:
                return os.waitstatus_to_exitcode(status), stopped
        elif number == signal.SIGTSTP:
            os.kill(worker, number)
            _stop()
        elif number == signal.SIGCONT:
            os.kill(worker, number)
        else:
            stopped = stopped or number in _STOPPING
            if not _heard(hearing, number):
                os.kill(worker, number)


def _stop() -> None:
    """Stop as Ctrl-Z stops a process, until it is told to go on."""
    os.kill(os.getpid(), signal.SIGTSTP)
    before = signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTSTP])
    signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _heard(hearing: int, number: int) -> bool:
    """Whether the other process got a signal by itself.

    A terminal and most service managers send it to both, and the second Ctrl-C means something else.
    """
    time.sleep(_TOGETHER)
    try:
        return number in os.read(hearing, 1 << 16)
    except BlockingIOError:
        return False


def _end_like(code: int) -> NoReturn:
    """End as another process has ended: with its exit code, or by its signal."""
    if code < 0:
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if -code != signal.SIGKILL:
            signal.signal(-code, signal.SIG_DFL)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, [-code])
        os.kill(os.getpid(), -code)
        code = 128 - code  # the first process of a container is not ended by signals
    os._exit(code)
