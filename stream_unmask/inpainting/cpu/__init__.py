"""The arithmetic on one face's pixels on a CPU: NumPy, OpenCV and numba."""
