"""Which TensorRT is installed: the full one, or TensorRT for RTX with the same Python API."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Any

from engines.engine import EngineError

MODULES = ("tensorrt", "tensorrt_rtx")
"""Python modules that offer the API, the preferred one first."""

_OLDEST = (10, 13)
"""First ``tensorrt`` whose builder takes the graphs and flags that are used here."""


@dataclass(frozen=True, slots=True)
class Flavour:
    """An installed TensorRT.

    Attributes:
        name: its module, one of :data:`MODULES`.
        version: as the module says it ("11.4.0.106"); engines run on the very version that built them.
        api: the module.
        log: takes what TensorRT says; the one logger of this process, as TensorRT wants it.
    """

    name: str
    version: str
    api: Any
    log: Any

    @property
    def is_rtx(self) -> bool:
        """Whether kernels are compiled on the user's GPU when an engine first runs there."""
        return self.name == "tensorrt_rtx"


@cache
def find_flavour() -> Flavour:
    """Import the installed TensorRT.

    Raises:
        EngineError: none is installed, its libraries do not load, or it is too old.
    """
    broken = []
    for name in MODULES:
        try:
            api = import_module(name)
            version = str(api.__version__)
        except ModuleNotFoundError as error:
            if error.name != name:
                broken.append(f"{name} is installed without its part {error.name}.")
        except (ImportError, OSError, AttributeError, RuntimeError) as error:
            broken.append(f"{name} does not load: {one_line([str(error)])}.")
        else:
            if name == "tensorrt" and tuple(map(int, version.split(".")[:2])) < _OLDEST:
                broken.append(f"tensorrt {version} is too old: 10.13 or newer is needed.")
                continue
            return Flavour(name, version, api, _logger(api))
    if broken:
        raise EngineError(" ".join(broken))
    raise EngineError("tensorrt is not installed.", hint="pip install 'stream-unmask[tensorrt]'")


def one_line(messages: Sequence[str]) -> str:
    """The first of several messages, without line breaks or full stop, and no longer than a sentence."""
    text = " ".join(messages[0].split()).rstrip(". ") if messages else "it gave no reason"
    return text if len(text) <= 300 else f"{text[:297]}..."


def _logger(api: Any) -> Any:
    """TensorRT's logger as an object that keeps errors for the sentence that the user will see."""

    class Log(api.ILogger):  # type: ignore[misc]
        def __init__(self) -> None:
            api.ILogger.__init__(self)
            self._lock = threading.Lock()
            self._errors: deque[str] = deque(maxlen=20)

        def log(self, severity: Any, message: str) -> None:
            """Called by TensorRT, from any thread."""
            if severity in (api.ILogger.Severity.ERROR, api.ILogger.Severity.INTERNAL_ERROR):
                with self._lock:
                    self._errors.append(message)

        def reason(self) -> str:
            """The first error since this was last asked, in one line."""
            with self._lock:
                messages = list(self._errors)
                self._errors.clear()
            return one_line(messages)

    return Log()
