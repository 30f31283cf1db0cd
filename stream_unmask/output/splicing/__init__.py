"""Copying the parts of a video that nothing changed, and encoding the others so that all fit together."""
