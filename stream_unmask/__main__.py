"""``python -m stream_unmask`` is the command ``stream-unmask``."""

from stream_unmask.cli.main import main

main()
