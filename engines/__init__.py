"""Compiled networks: what they must look like, what can run them here, and running them."""

from engines.choose import BACKENDS, Selection, load_engine, select_backend
from engines.engine import Engine

__all__ = ["BACKENDS", "Engine", "Selection", "load_engine", "select_backend"]
