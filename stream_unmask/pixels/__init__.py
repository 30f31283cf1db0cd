"""Reading crops out of a picture's planes and writing patches back into them."""
