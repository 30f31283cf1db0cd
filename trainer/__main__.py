"""``python -m trainer``."""

from stream_unmask.cli.train import main

main()
