"""References: the person's own bare face, as seen at another moment or in a photo."""
