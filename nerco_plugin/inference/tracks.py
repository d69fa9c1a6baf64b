"""What a video's file says of its tracks: which holds the pictures, what a track is called, when the last one ends."""

import re
from collections.abc import Sequence
from typing import Any


def copy_description(before: Any, after: Any) -> None:  # noqa: ANN401  PyAV's streams: it may not be installed
    """Give the track ``after`` the language, title and disposition (default, commentary, ...) of ``before``."""
    told = before.metadata
    kept = {"language": told.get("language"), "title": told.get("title") or told.get("name")}  # as MP4 is read
    after.metadata.update({key: value for key, value in kept.items() if value})
    after.disposition = before.disposition


def said_end(reader: Any, taken: Sequence[Any]) -> float:  # noqa: ANN401
    """Seconds at which the last of the ``taken`` tracks ends, as the file says; 0 where it does not.

    What it says of the whole counts where all is taken: a subtitle may end long after the picture.
    """
    if len(taken) == len(reader.streams):
        return ((reader.start_time or 0) + (reader.duration or 0)) / 1e6  # FFmpeg counts microseconds
    return max(map(_end, taken), default=0.0)


def _end(stream: Any) -> float:  # noqa: ANN401
    start = float((stream.start_time or 0) * (stream.time_base or 0))
    if stream.duration is not None:
        return start + float(stream.duration * stream.time_base)
    told = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", stream.metadata.get("DURATION", ""))  # Matroska's statistics
    return start + sum(float(part) * unit for part, unit in zip(told.groups(), (3600, 60, 1))) if told else 0.0
