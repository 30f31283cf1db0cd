"""What containers are told, and how tags are written into them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from fractions import Fraction

from stream_unmask.output.copies import kept_tags

_MOVIE_SUFFIXES = frozenset((".mp4", ".m4v", ".mov", ".3gp", ".3g2"))

_MOVIE_TAGS = frozenset(
    (
        *("title", "artist", "album_artist", "album", "composer", "comment", "copyright", "date", "genre"),
        *("description", "synopsis", "lyrics", "grouping", "show", "episode_id", "network", "keywords"),
        *("encoder", "creation_time", "location", "track", "disc", "compilation", "media_type", "hd_video"),
    )
)
"""Tags that MP4 has boxes for; others need another way of writing all of them."""

ROTATING_FORMATS = frozenset(("mp4", "mov", "ipod", "3gp", "3g2", "matroska", "webm"))

_BLU_RAY = frozenset((".m2ts", ".mts"))
"""MPEG-TS as camcorders and Blu-rays have it, which holds PCM, too."""

_TRANSPORT = frozenset((".ts", ".m2ts", ".mts"))
"""MPEG-TS, which knows no tags but who provides a service, and what the service is called."""

_FORMAT_TAGS = frozenset(("major_brand", "minor_version", "compatible_brands"))

_PERSONAL = re.compile(
    r"(?i)location|gps|(?<![a-z])make|model|serial|camera|lens|device|author|artist|owner"
    r"|software|quicktime|android"
)

_LONGEST_PROVIDER = 200
"""Bytes: with the name of the service they must fit into one descriptor of 255."""


def written_tags(suffix: str, tags: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """The tags of an output.

    Args:
        suffix: of its name.
        tags: the source's.
        added: to be added. A comment of these stands before the source's own, which is kept.
    """
    kept = {name: value for name, value in kept_tags(tags).items() if name not in _FORMAT_TAGS}
    label = added.get("comment", "")
    own = next((kept.pop(name) for name in list(kept) if name.lower() == "comment"), "")
    merged = {**kept, **added}
    if label or own:
        merged["comment"] = "\n".join(each for each in (label, own.replace(label, "").strip()) if each)
    if label and suffix in _TRANSPORT:
        merged["service_provider"] = label.encode()[:_LONGEST_PROVIDER].decode(errors="ignore")
    return merged


def private_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Tags without those that may say where, by whom and with what a video was taken."""
    return {name: value for name, value in tags.items() if not _PERSONAL.search(name)}


def container_options(suffix: str, time_base: Fraction, tags: Mapping[str, str]) -> dict[str, str]:
    """FFmpeg's options of a container.

    Args:
        suffix: of the output's name.
        time_base: seconds in a tick of the video's timestamps.
        tags: that will be written.
    """
    options = {}
    if suffix in _MOVIE_SUFFIXES:
        if time_base.numerator == 1:
            # The muxer would choose ticks of its own, and round the start of each stream to milliseconds.
            options["video_track_timescale"] = str(time_base.denominator)
            options["movie_timescale"] = str(max(1000, time_base.denominator))
        if not _MOVIE_TAGS.issuperset(tags):
            options["movflags"] = "use_metadata_tags"
    elif suffix == ".avi":
        # It counts frames instead of timing them: moved by the sound's priming, one would be doubled.
        options["avoid_negative_ts"] = "disabled"
    elif suffix in _BLU_RAY:
        options["mpegts_m2ts_mode"] = "1"
    return options
