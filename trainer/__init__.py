"""Training of the two networks: data, networks, recipes, evaluation."""

import time

STARTED = time.monotonic()
"""When this process began, as good as: before PyTorch and the photos are read."""
