"""Reading crops out of a picture's planes and writing back into them."""
