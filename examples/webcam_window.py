"""Shows what a webcam sees, without face masks, in a window; the key q ends it.

Needs `opencv-python` in the place of `opencv-python-headless`, which has no windows.
"""

from __future__ import annotations

import time

import cv2
import numpy as np

from stream_unmask import Frame, Unmasker


def main() -> None:
    """Show camera 0 until q is pressed or the camera ends."""
    camera, stream = cv2.VideoCapture(0), Unmasker().stream()
    while cv2.waitKey(1) != ord("q"):
        there, picture = camera.read()
        if not there:
            break
        frame = Frame.from_ndarray(np.asarray(picture, np.uint8), time.monotonic(), format="bgr24")
        stream.process(frame)  # draws into the frame
        cv2.imshow("unmasked", frame.to_ndarray("bgr24"))


if __name__ == "__main__":
    main()
