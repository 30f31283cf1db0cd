"""Faces out of ordinary photos: aligned, described and kept in shards; or labelled by a segmenter."""
