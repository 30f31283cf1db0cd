"""Synthetic masks, worn by photographed faces: pictures whose truth is known."""
