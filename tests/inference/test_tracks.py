"""The tracks of a video: which are taken, what is kept of what they are called, how long they last."""

import re
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from torch import nn

from nerco_plugin.inference.enhancer import Enhancer
from nerco_plugin.inference.video import VideoError, enhance_video
from tests.inference.videos import av, read_video, scene, write_video


def test_the_main_track_is_taken_and_not_a_cover_before_it(tmp_path: Path) -> None:
    before, after = tmp_path / "in.mkv", tmp_path / "out"
    with av.open(str(before), "w") as file:
        cover = file.add_stream("mjpeg", rate=1)
        cover.height, cover.width, cover.pix_fmt = 16, 16, "yuvj420p"
        video = file.add_stream("libx264", rate=25)
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        black = av.VideoFrame.from_ndarray(np.zeros((16, 16, 3), np.uint8), format="rgb24")
        file.mux(cover.encode(black.reformat(format="yuvj420p")))
        for _ in range(3):
            file.mux(video.encode(av.VideoFrame.from_ndarray(scene(48, 64), format="rgb24")))
        file.mux(video.encode(None))
    enhance_video(Enhancer(nn.Identity(), "cpu"), before, after, ".mkv")
    assert read_video(after)["pixels"].shape == (3, 48, 64, 3)


@pytest.mark.parametrize(("degrees", "shape"), [(0, Fraction(4, 3)), (90, Fraction(3, 4))])
def test_pixels_that_are_not_square_keep_their_shape(tmp_path: Path, degrees: int, shape: Fraction) -> None:
    before, after = tmp_path / "in.mp4", tmp_path / "out"
    with av.open(str(before), "w") as file:
        video = file.add_stream("libx264", rate=25)
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        video.codec_context.sample_aspect_ratio = Fraction(4, 3)
        if degrees:
            video.set_display_rotation(degrees)
        for _ in range(3):
            file.mux(video.encode(av.VideoFrame.from_ndarray(scene(48, 64), format="rgb24")))
        file.mux(video.encode(None))
    for ending in (".mp4", ".mkv"):
        assert enhance_video(Enhancer(nn.Identity(), "cpu"), before, after, ending) is None
        with av.open(str(after)) as file:
            assert file.streams.video[0].sample_aspect_ratio == shape
    assert "not square" in enhance_video(Enhancer(nn.Identity(), "cpu"), before, after, ".webm")


@pytest.fixture
def two_sounds(tmp_path: Path) -> Path:
    """Frames of 0.12 s, and a German and an English sound."""
    path = tmp_path / "in.mkv"
    with av.open(str(path), "w") as file:
        video = file.add_stream("libx264", rate=25)
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        sounds = [file.add_stream("aac", rate=44100, layout="mono") for _ in range(2)]
        sounds[0].metadata.update(language="deu", title="Ton")
        sounds[1].metadata.update(language="eng")
        for _ in range(3):
            file.mux(video.encode(av.VideoFrame.from_ndarray(scene(48, 64), format="rgb24")))
        file.mux(video.encode(None))
        for sound in sounds:
            silence = av.AudioFrame.from_ndarray(np.zeros((1, 5000), np.int16), format="s16", layout="mono")
            silence.sample_rate = 44100
            file.mux(sound.encode(silence))
            file.mux(sound.encode(None))
    return path


def test_sounds_keep_their_language_and_title(tmp_path: Path, two_sounds: Path) -> None:
    network, mp4 = Enhancer(nn.Identity(), "cpu"), tmp_path / "1.mp4"
    enhance_video(network, two_sounds, mp4, ".mp4")
    enhance_video(network, mp4, tmp_path / "2.mkv", ".mkv")
    with av.open(str(tmp_path / "2.mkv")) as file:
        first, second = file.streams.audio
        assert (first.language, first.metadata["title"], second.language) == ("deu", "Ton", "eng")


def test_tracks_of_an_unknown_codec(tmp_path: Path, two_sounds: Path) -> None:
    content = two_sounds.read_bytes()
    two_sounds.write_bytes(content.replace(b"A_AAC", b"A_XYZ", 1))
    remark = enhance_video(Enhancer(nn.Identity(), "cpu"), two_sounds, tmp_path / "out", ".mkv")
    assert remark == "left out: sound of a codec that FFmpeg does not know"
    with av.open(str(tmp_path / "out")) as file:
        assert [sound.language for sound in file.streams.audio] == ["eng"]
    two_sounds.write_bytes(content.replace(b"V_MPEG4/ISO/AVC", b"V_XPEG4/ISO/AVC"))
    with pytest.raises(VideoError, match=r"in\.mkv: its pictures are of a codec that FFmpeg does not know"):
        enhance_video(Enhancer(nn.Identity(), "cpu"), two_sounds, tmp_path / "out", ".mkv")


@pytest.mark.parametrize("start", [0, 5])
def test_a_subtitle_that_ends_later_does_not_count(tmp_path: Path, start: int) -> None:
    lines, before, after = tmp_path / "lines.srt", tmp_path / "in.mkv", tmp_path / "out"
    lines.write_text("1\n00:00:00,100 --> 00:00:19,000\na long line\n")
    random = np.random.default_rng(0)
    with av.open(str(lines)) as text, av.open(str(before), "w") as file:
        video = file.add_stream("libx264", rate=25)
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        subtitle = file.add_stream_from_template(text.streams.subtitles[0])
        packets = [packet for packet in text.demux() if packet.dts is not None]
        for number in range(90):
            frame = av.VideoFrame.from_ndarray(random.integers(0, 99, (48, 64, 3), np.uint8), format="rgb24")
            frame.pts, frame.time_base = 25 * start + number, Fraction(1, 25)
            file.mux(video.encode(frame))
        for packet in packets:
            packet.stream = subtitle
            file.mux(packet)
        file.mux(video.encode(None))
    assert enhance_video(Enhancer(nn.Identity(), "cpu"), before, after, ".mkv") is None
    content = before.read_bytes()
    before.write_bytes(content[: len(content) // 2])
    remark = enhance_video(Enhancer(nn.Identity(), "cpu"), before, after, ".mkv")
    assert re.fullmatch(rf"cut off: ends after [{start + 1}{start + 2}]\.\d of {start + 3}\.6 s", remark or "")


@pytest.mark.parametrize("ending", [".mkv", ".mp4"])
def test_a_picture_that_begins_late_is_whole(tmp_path: Path, ending: str) -> None:
    before = tmp_path / f"in{ending}"
    with av.open(str(before), "w") as file:
        video = file.add_stream("libx264", rate=25)
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        sound = file.add_stream("aac", rate=44100, layout="mono")
        for number in range(90):
            frame = av.VideoFrame.from_ndarray(scene(48, 64), format="rgb24")
            frame.pts, frame.time_base = 125 + number, Fraction(1, 25)  # from second 5 on
            file.mux(video.encode(frame))
        silence = av.AudioFrame.from_ndarray(np.zeros((1, 5000), np.int16), format="s16", layout="mono")
        silence.pts, silence.sample_rate, silence.time_base = 5 * 44100, 44100, Fraction(1, 44100)
        file.mux([*sound.encode(silence), *sound.encode(None), *video.encode(None)])
    assert enhance_video(Enhancer(nn.Identity(), "cpu"), before, tmp_path / "out", ending) is None


def test_a_name_with_a_colon_is_no_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_video(Path("12:30.mp4"), [scene(48, 64)] * 3, Fraction(25))
    assert enhance_video(Enhancer(nn.Identity(), "cpu"), Path("12:30.mp4"), Path("12:31"), ".mp4") is None
    assert len(read_video(tmp_path / "12:31")["pixels"]) == 3
