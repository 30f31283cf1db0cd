"""Compiled networks: what they must look like, what can run them here, and running them."""

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

__all__ = [
    "BACKENDS",
    "PRECISIONS",
    "DeviceEngine",
    "Engine",
    "Precision",
    "Selection",
    "load_engine",
    "load_network",
    "load_networks",
    "select_backend",
]
