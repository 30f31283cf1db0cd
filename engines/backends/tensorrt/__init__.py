"""NVIDIA's TensorRT: engines built once for the GPU of this machine, kept, checked, and run.

The way of an engine, a module each:

    plan -> build -> parity -> cache -> run

``ready`` holds that order. TensorRT's API is called in ``build`` and ``run`` only, CUDA's in ``cuda`` only.
"""
