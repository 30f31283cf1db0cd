"""What runs a network: one module for each backend."""
