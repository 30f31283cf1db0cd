"""Video in, video out: frames with their timestamps, and everything else that a file holds."""
