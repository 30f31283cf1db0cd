"""Compiled networks: what they must look like, what can run them here, and running them."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from engines.choose import (
        BACKENDS,
        PRECISIONS,
        Precision,
        Selection,
        load_engine,
        load_network,
        load_networks,
        select_backend,
    )
    from engines.engine import DeviceEngine, Engine
    from engines.errors import EngineError, WeightsError

_HOMES = {
    "BACKENDS": "choose",
    "PRECISIONS": "choose",
    "DeviceEngine": "engine",
    "Engine": "engine",
    "EngineError": "errors",
    "Precision": "choose",
    "Selection": "choose",
    "WeightsError": "errors",
    "load_engine": "choose",
    "load_network": "choose",
    "load_networks": "choose",
    "select_backend": "choose",
}

__all__ = [
    "BACKENDS",
    "PRECISIONS",
    "DeviceEngine",
    "Engine",
    "EngineError",
    "Precision",
    "Selection",
    "WeightsError",
    "load_engine",
    "load_network",
    "load_networks",
    "select_backend",
]


def __getattr__(name: str) -> object:
    """Load what is asked for, and only then: who needs only the errors does not wait for NumPy."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
