"""How good are the networks? The same photos, the same masks, the same figures every time."""
