"""What is trained, on what, with which losses: one module for each recipe."""
