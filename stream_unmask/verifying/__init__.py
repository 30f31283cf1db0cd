"""Finding out whether a file was made by this program: its credential, its label, the mark in its pixels."""
