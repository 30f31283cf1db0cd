"""The imperceptible mark in inpainted pixels: how it is made, and how it is read."""
