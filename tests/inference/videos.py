"""Small videos to test with, written and read by PyAV."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

av = pytest.importorskip("av", reason="PyAV is not installed (extra: video)")


def scene(height: int, width: int) -> np.ndarray:
    small = np.random.default_rng(1).random((4, 6, 3), np.float32)
    return np.clip(cv2.resize(small, (width, height)) * 90, 0, 255).astype(np.uint8)


def write_video(path: Path, frames: list[np.ndarray], rate: Fraction, sound: str = "aac") -> None:
    is_odd = any(length % 2 for length in frames[0].shape[:2])
    with av.open(f"file:{path}", "w") as file:
        video = file.add_stream("libvpx-vp9" if path.suffix == ".webm" else "libx264", rate=rate)
        video.height, video.width = frames[0].shape[:2]
        video.pix_fmt = "yuv444p" if is_odd else "yuv420p"
        audio = file.add_stream(sound, rate=44100, layout="mono") if sound else None
        for frame in frames:
            file.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(video.encode(None))
        if audio:
            wave = np.sin(np.arange(int(44100 * len(frames) / rate)) / 20)
            samples = av.AudioFrame.from_ndarray((wave * 9000).astype(np.int16)[None], format="s16", layout="mono")
            samples.sample_rate = 44100
            file.mux(audio.encode(samples))
            file.mux(audio.encode(None))


def read_video(path: Path) -> dict[str, Any]:
    with av.open(str(path)) as file:
        rate = file.streams.video[0].average_rate
        frames = list(file.decode(video=0))
    with av.open(str(path)) as file:
        sound = [bytes(packet) for packet in file.demux(audio=0) if packet.size] if file.streams.audio else []
    pixels = np.stack([frame.to_ndarray(format="rgb24") for frame in frames])
    times = [frame.time for frame in frames]
    return {"rate": rate, "times": [time - times[0] for time in times], "pixels": pixels, "sound": sound}
