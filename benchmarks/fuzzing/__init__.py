"""Files, replies and settings broken at random, and what the program makes of them."""
