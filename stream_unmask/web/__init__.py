"""The page and the HTTP API under it: watch cameras, try videos and pictures, read numbers."""
