"""More videos and cameras than one machine has time for, on Ray: its tasks, retries, placement and state.

Nothing here is imported unless it is asked for; only :mod:`~stream_unmask.fleet.cluster` and what drives it
import Ray.
"""
