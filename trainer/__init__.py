"""Training of the two networks: data, synthetic masks, networks, recipes, evaluation."""
