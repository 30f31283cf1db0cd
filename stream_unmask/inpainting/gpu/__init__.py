"""The work on faces' pixels on a GPU, in PyTorch. Only imported where the networks run on one.

Each operation has its twin in :mod:`stream_unmask.inpainting.cpu` or :mod:`stream_unmask.pixels`, in a file
of the same name, with the same numbers (``parameters.py``) and the same geometry (``geometry.py``). All runs
on torch's device ``cpu`` too, where tests hold the twins against each other.
"""
