"""Videos in, videos out: every frame enhanced without flicker; time stamps, sound and colour tags kept. Needs PyAV."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from nerco_plugin.inference.enhancer import Enhancer
from nerco_plugin.inference.flicker import FlickerFilter
from nerco_plugin.inference.formats import VIDEO_CODECS
from nerco_plugin.inference.output import ENDS_ALL
from nerco_plugin.inference.tracks import copy_description, said_end

QUALITY = {"libx264": {"crf": "17", "preset": "medium"}, "libvpx-vp9": {"crf": "24", "b": "0", "row-mt": "1"}}
CONTAINERS = {".mkv": "matroska", ".m4v": "mp4"}  # names that are not the ending itself
COLOUR_TAGS = ("color_range", "colorspace", "color_primaries", "color_trc")
LATE = 1.0  # seconds that the end may be off what a file says, before it counts as cut off
OFF_BEAT = 2  # frames by which one may come beside an even beat before it is said


class VideoError(ValueError):
    """A video that cannot be read or written; the message names the file."""


def import_av() -> Any:
    """PyAV, imported once it is needed; raises ImportError with what to install."""
    try:
        import av
    except ImportError as error:
        raise ImportError("videos need PyAV: pip install av") from error
    return av


def enhance_video(
    enhancer: Enhancer,
    source: Path,
    target: Path,
    suffix: str,
    strength: float = 1.0,
    on_frame: Callable[[int, int], None] | None = None,
    stops: float = 0.0,
) -> str | None:
    """Enhance ``source`` into ``target``, in the container that ``suffix`` (such as .mp4) names.

    Frames are 8 bits a channel, of the main track of pictures. Sound is copied as it is; subtitles and data are left
    out.

    Args:
        enhancer: what enhances a frame.
        source: any video that FFmpeg reads.
        target: written from the beginning; its name's ending does not matter.
        suffix: one of ``VIDEO_CODECS``.
        strength: 0 to 1.
        on_frame: called with the number of frames done and of all frames (0 if the file does not say).
        stops: of exposure, added to what the network chooses.

    Returns:
        What is missing: the end, where the file is shorter than it says (cut off, or damaged), sound of a codec that
        FFmpeg does not know, or the shape of pixels in a .webm.

    Raises:
        VideoError: no video in it, no frame to be decoded, or its sound does not go into that container.
        OSError: the disk is full or read-only.
        ImportError: PyAV is missing.
    """
    av = import_av()
    container = CONTAINERS.get(suffix, suffix[1:])
    read, written = str(source.absolute()), str(target.absolute())  # FFmpeg takes 12:30.mp4 for a protocol
    try:
        with av.open(read) as reader, av.open(written, "w", format=container) as writer:
            codec = VIDEO_CODECS[suffix]
            return _Transfer(enhancer, str(source), reader, writer, codec, strength, stops).run(on_frame)
    except av.error.FFmpegError as error:
        if error.errno in ENDS_ALL:
            raise OSError(error.errno, error.strerror) from error
        reason = "damaged, or no video" if isinstance(error, av.error.InvalidDataError) else error.strerror
        raise VideoError(f"{source}: {reason}") from error


class _Transfer:
    """One video, which errors call ``name``, on its way from ``reader`` to ``writer``."""

    def __init__(
        self,
        enhancer: Enhancer,
        name: str,
        reader: Any,
        writer: Any,
        codec: str,
        strength: float,
        stops: float,
    ) -> None:
        self.enhancer, self.name, self.reader, self.writer = enhancer, name, reader, writer
        self.strength, self.stops = strength, stops
        self.source = reader.streams.best("video")  # no cover, no second angle
        if self.source is None:
            raise VideoError(f"{name}: there is no video in it")
        if self.source.codec_context is None:
            raise VideoError(f"{name}: its pictures are of a codec that FFmpeg does not know")
        self.source.thread_type = "AUTO"
        self.rate = self.source.average_rate or self.source.guessed_rate or Fraction(25)
        options = QUALITY[codec] | ({"bf": "0"} if writer.format.name == "avi" else {})  # which has no place for them
        self.video = writer.add_stream(codec, rate=self.rate, options=options)
        known = [stream for stream in reader.streams.audio if stream.codec_context is not None]
        self.sounds = {stream.index: self._sound_like(stream) for stream in known}
        self.taken = [self.source, *known]
        self.flicker = FlickerFilter(float(self.rate))
        self.writer.metadata.update(reader.metadata)

    def run(self, on_frame: Callable[[int, int], None] | None) -> str | None:
        """Enhance all frames and copy all sound, in the file's own order; returns what :func:`enhance_video` does."""
        done, last, late = 0, 0.0, 0.0
        has_times = "avi" not in (self.reader.format.name, self.writer.format.name)  # which knows an even beat only
        waiting = []  # sound before the first frame: the first packet written fixes the picture's size
        for packet in self.reader.demux(self.taken):
            if packet.pts is not None:
                last = max(last, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream.index in self.sounds:
                waiting.append(packet)
            else:
                for frame in packet.decode():
                    if not has_times and frame.time is not None:
                        late = max(late, abs(frame.time - float(done / self.rate)))
                    if not has_times or frame.pts is None:
                        frame.pts, frame.time_base = done, 1 / self.rate
                    self._write(frame, is_first=done == 0)
                    done += 1
                    if on_frame:
                        on_frame(done, self.source.frames)
            if done:
                self._copy(waiting)
                waiting.clear()
        if not done:
            raise VideoError(f"{self.name}: no frame of it can be decoded")
        self.writer.mux(self.video.encode(None))
        return self._missing(last, late)

    def _missing(self, last: float, late: float) -> str | None:
        missing, said = [], said_end(self.reader, self.taken)
        if late * self.rate > OFF_BEAT:
            missing.append(
                f"out of step with its sound by up to {late:.1f} s: an .avi holds an even beat only; try .mkv"
            )
        if last < said - LATE:
            missing.append(f"cut off: ends after {last:.1f} of {said:.1f} s")
        if len(self.sounds) < len(self.reader.streams.audio):
            missing.append("left out: sound of a codec that FFmpeg does not know")
        if self.writer.format.name == "webm" and (self.source.sample_aspect_ratio or 1) != 1:  # PyAV cannot say it
            missing.append("left out: the shape of its pixels, which are not square; try .mkv")
        return "; ".join(missing) or None

    def _sound_like(self, stream: Any) -> Any:
        codec, container = stream.codec_context.name, self.writer.format.name
        misfit = VideoError(f"{self.name}: its sound ({codec}) does not go into {container}; try .mkv")
        if container == "mp4" and codec.startswith("pcm_"):  # FFmpeg begins, and fails at the end
            raise misfit
        try:
            sound = self.writer.add_stream_from_template(stream)
        except ValueError as error:
            raise misfit from error
        copy_description(stream, sound)
        return sound

    def _copy(self, sound: list[Any]) -> None:
        for packet in sound:
            if packet.dts is not None:  # the last of a stream is empty
                packet.stream = self.sounds[packet.stream.index]
                self.writer.mux(packet)

    def _write(self, frame: Any, is_first: bool) -> None:
        low = torch.from_numpy(np.ascontiguousarray(upright(frame))).movedim(-1, 0)[None].to(self.enhancer.device) / 255
        enhanced = self.flicker(low, self.enhancer.enhance(low, self.stops))
        mixed = torch.lerp(low, enhanced, self.strength)[0].movedim(0, -1)
        pixels = (mixed * 255).round().byte().cpu().numpy()
        if is_first:
            self._describe(frame, *pixels.shape[:2])
        written = import_av().VideoFrame.from_ndarray(pixels, format="rgb24")
        options = {"dst_colorspace": frame.colorspace, "dst_color_range": frame.color_range}
        written = written.reformat(format=self.video.pix_fmt, **options)
        written.pts, written.time_base = frame.pts, frame.time_base
        self.writer.mux(self.video.encode(written))

    def _describe(self, frame: Any, height: int, width: int) -> None:
        self.video.width, self.video.height = width, height
        self.video.pix_fmt = "yuv444p" if height % 2 or width % 2 else "yuv420p"  # which halves the colours' size
        self.video.codec_context.time_base = frame.time_base
        if aspect := self.source.sample_aspect_ratio:
            self.video.codec_context.sample_aspect_ratio = 1 / aspect if frame.rotation % 180 else aspect
        for tag in COLOUR_TAGS:
            setattr(self.video.codec_context, tag, getattr(self.source.codec_context, tag))


def upright(frame: Any) -> np.ndarray:
    """A frame's RGB, (H, W, 3) uint8, as its display matrix turns and mirrors it, by whole quarter turns."""
    pixels = frame.to_ndarray(format="rgb24")
    matrix = frame.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return pixels
    across, down_by_x, _, across_by_y, down = np.frombuffer(matrix, np.int32)[:5].tolist()
    if abs(across) + abs(down) < abs(across_by_y) + abs(down_by_x):
        pixels, across, down = pixels.swapaxes(0, 1), across_by_y, down_by_x
    return pixels[:: -1 if down < 0 else 1, :: -1 if across < 0 else 1]
