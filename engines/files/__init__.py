"""Files that are made from fp32 networks."""
