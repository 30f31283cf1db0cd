"""Unmasks every video of a folder, and says of each what was done: `python folder_report.py FOLDER OUTPUT`.

The networks are loaded once. A video that fails is named, and the others go on.
"""

from __future__ import annotations

import csv
import sys
from pathlib import Path

from stream_unmask import Unmasker, UnmaskError


def main(folder: Path, output: Path) -> None:
    """Write the videos of ``folder`` to ``output``, and beside them report.csv, a line a video."""
    output.mkdir(parents=True, exist_ok=True)
    unmasker = Unmasker()
    with (output / "report.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["video", "frames", "masked faces", "frames a second", "error"])
        for video in sorted(folder.glob("*.mp4")):
            try:
                report = unmasker.video(video, output / video.name)
            except UnmaskError as error:
                table.writerow([video.name, "", "", "", error])
            else:
                table.writerow([video.name, report.frames, report.masked_faces, f"{report.fps:.1f}", ""])


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
