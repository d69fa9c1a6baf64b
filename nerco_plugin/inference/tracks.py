"""What a video's file says of its tracks: which holds the pictures, what a track is called, when the last one ends."""

import re
from collections.abc import Sequence
from typing import Any


def copy_description(before: Any, after: Any) -> None:
    """Give the track ``after`` the language and the title of ``before``."""
    told = before.metadata
    kept = {"language": told.get("language"), "title": told.get("title") or told.get("name")}  # as MP4 is read
    after.metadata.update({key: value for key, value in kept.items() if value})


def said_end(reader: Any, taken: Sequence[Any]) -> float:
    """Seconds at which the last of the ``taken`` tracks ends, as the file says; 0 where it does not.

    What it says of the whole counts where all is taken: a subtitle may end long after the picture.
    """
    if len(taken) == len(reader.streams):
        start = 0 if reader.format.name.startswith("matroska") else reader.start_time or 0  # which says when it ends
        return (start + (reader.duration or 0)) / 1e6  # FFmpeg counts microseconds
    return max(map(_end, taken), default=0.0)


def _end(stream: Any) -> float:
    if stream.duration is not None:
        return float(((stream.start_time or 0) + stream.duration) * stream.time_base)
    told = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))  # Matroska's: when it ends
    return sum(float(part) * unit for part, unit in zip(told.groups(), (3600, 60, 1))) if told else 0.0
