"""A window that shows what goes out, in a process of its own: the toolkit wants the main thread."""

from __future__ import annotations

import threading
from collections.abc import Callable

import av
from av.container import InputContainer

from stream_unmask.errors import OutputError

_WIDEST, _HIGHEST = 1280, 720
_TITLE = "stream-unmask"
_LOOK = 10
"""Milliseconds between two looks at whether there is another picture."""


def show(stream: InputContainer, started: Callable[[], object]) -> None:
    """Show a stream's pictures as they come, until it ends; of those that come too fast only the newest.

    Args:
        stream: what is shown.
        started: called once there is a window.

    Raises:
        OutputError: there is no screen, no Tk to open a window with, or the window was closed.
    """
    try:
        import tkinter
    except ImportError as error:
        raise OutputError("this Python has no Tk (tkinter)") from error
    try:
        root = tkinter.Tk()
    except tkinter.TclError as error:
        raise OutputError(str(error)) from error
    root.title(_TITLE)
    label = tkinter.Label(root)
    label.pack()
    pictures = _Newest(stream)
    closed = False
    shown: tkinter.PhotoImage | None = None  # Tk itself keeps no picture alive

    def close() -> None:
        nonlocal closed
        closed = True
        root.quit()

    def look() -> None:
        nonlocal shown
        picture = pictures.take()
        if picture is not None:
            shown = tkinter.PhotoImage(master=root, data=_ppm(picture), format="PPM")
            label.configure(image=shown)
        if pictures.over:
            root.quit()
        else:
            root.after(_LOOK, look)

    root.protocol("WM_DELETE_WINDOW", close)
    started()
    look()
    root.mainloop()
    if closed:
        raise OutputError("it was closed")


class _Newest:
    """Decodes in a thread, and keeps the newest picture."""

    def __init__(self, stream: InputContainer) -> None:
        self._stream = stream
        self._picture: av.VideoFrame | None = None
        self._lock = threading.Lock()
        self.over = False
        threading.Thread(target=self._read, daemon=True).start()

    def take(self) -> av.VideoFrame | None:
        """The newest picture, once."""
        with self._lock:
            picture, self._picture = self._picture, None
        return picture

    def _read(self) -> None:
        try:
            for frame in self._stream.decode(video=0):
                with self._lock:
                    self._picture = frame
        finally:
            self.over = True


def _ppm(picture: av.VideoFrame) -> bytes:
    """A picture as Tk takes it, small enough for a screen."""
    scale = min(1.0, _WIDEST / picture.width, _HIGHEST / picture.height)
    width, height = max(1, round(picture.width * scale)), max(1, round(picture.height * scale))
    rgb = picture.reformat(width, height, "rgb24").to_ndarray()
    return f"P6 {width} {height} 255\n".encode() + rgb.tobytes()
