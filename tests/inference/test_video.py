"""Videos: time stamps and sound kept, odd sizes, colours, and less flicker than frame by frame, measured."""

import errno
import re
import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import nn

from nerco_plugin.inference.enhancer import Enhancer
from nerco_plugin.inference.flicker import FlickerFilter
from nerco_plugin.inference.video import VideoError, enhance_video, upright
from tests.inference.videos import av, read_video, scene, write_video


@pytest.mark.parametrize(
    ("ending", "size", "rate", "sound"),
    [
        (".mp4", (48, 64), Fraction(24), "aac"),
        (".mkv", (47, 63), Fraction(30000, 1001), "aac"),
        (".avi", (48, 64), Fraction(25), ""),
        (".webm", (48, 64), Fraction(25), ""),
    ],
)
def test_all_but_the_colours_is_kept(
    tmp_path: Path, ending: str, size: tuple[int, int], rate: Fraction, sound: str
) -> None:
    frames = [np.roll(scene(*size), 2 * step, axis=1) for step in range(12)]
    before, after = tmp_path / f"in{ending}", tmp_path / "out"
    write_video(before, frames, rate, sound)
    seen = []
    enhance_video(Enhancer(nn.Identity(), "cpu"), before, after, ending, on_frame=lambda done, total: seen.append(done))
    one, two = read_video(before), read_video(after)
    assert seen == list(range(1, 13))
    assert two["rate"] == one["rate"] == rate
    if ending != ".avi":  # whose times are those of decoding
        assert two["times"] == pytest.approx(one["times"], abs=2e-3)
    assert two["sound"] == one["sound"]
    assert bool(two["sound"]) == bool(sound)
    assert two["pixels"].shape == one["pixels"].shape
    assert np.abs(two["pixels"].astype(int) - one["pixels"]).mean() < 3


@pytest.mark.parametrize("degrees", [90, 180, 270])
def test_a_turned_video_comes_out_upright(tmp_path: Path, degrees: int) -> None:
    frames = [scene(48, 64)] * 3
    before, after = tmp_path / "in.mp4", tmp_path / "out"
    with av.open(str(before), "w") as file:
        video = file.add_stream("libx264", rate=25)
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        video.set_display_rotation(degrees)
        for frame in frames:
            file.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        file.mux(video.encode(None))
    with av.open(str(before)) as file:
        turns = round(next(file.decode(video=0)).rotation / 90)  # FFmpeg counts them counterclockwise, as NumPy does
    assert turns % 4 != 0
    enhance_video(Enhancer(nn.Identity(), "cpu"), before, after, ".mp4")
    upright = np.rot90(scene(48, 64), turns).astype(int)
    assert np.abs(read_video(after)["pixels"][0] - upright).mean() < 4


class Breathing(nn.Module):
    """Four times as bright, give or take a tenth with every frame: what flicker is at its worst."""

    def __init__(self) -> None:
        super().__init__()
        self.random = torch.Generator().manual_seed(0)

    def forward(self, low: torch.Tensor) -> torch.Tensor:
        return (low * 4 * (0.9 + 0.2 * torch.rand(3, 1, 1, generator=self.random))).clamp(0, 1)


def clip(steps: int) -> list[torch.Tensor]:
    """A dark scene with sensor noise through which a bright disc moves."""
    random = np.random.default_rng(0)
    frames = []
    for step in range(steps):
        frame = scene(60, 80).astype(np.float32) / 2
        cv2.circle(frame, (8 + 2 * step, 30), 8, (200.0, 180.0, 150.0), -1)
        frame = np.clip(frame + random.normal(scale=3, size=frame.shape), 0, 255)
        frames.append(torch.from_numpy(frame.astype(np.float32)).movedim(-1, 0)[None] / 255)
    return frames


def flicker(frames: list[torch.Tensor]) -> float:
    """Mean change from frame to frame of a still corner's brightness, in percent of it."""
    means = torch.stack([frame[..., -14:, :].mean() for frame in frames])
    return float((means.diff().abs() / means[:-1]).mean() * 100)


@pytest.mark.parametrize(("kind", "share"), [("breathing", 0.1), ("nerco", 1.2)])
def test_less_flicker_than_frame_by_frame(kind: str, share: float, enhancer: Enhancer) -> None:
    """Measured: 5.1 % frame by frame, 0.35 % filtered. A random NeRCo hardly flickers (0.2 %, the clip's own noise)."""
    network = Enhancer(Breathing(), "cpu") if kind == "breathing" else enhancer
    steadied = FlickerFilter(frame_rate=25)
    low = clip(24)
    plain = [network.enhance(frame) for frame in low]
    steady = [steadied(frame, enhanced) for frame, enhanced in zip(low, plain)]
    assert flicker(steady) < share * flicker(plain)
    drift = abs(float(steady[-1].mean() / torch.stack(plain).mean()) - 1)
    assert drift < 0.15  # steady, and not steadily elsewhere


@pytest.mark.parametrize(
    ("matrix", "expected"),
    [
        ((-1, 0, 0, 1), lambda image: image[:, ::-1]),  # of a front camera
        ((1, 0, 0, -1), lambda image: image[::-1]),
        ((0, 1, 1, 0), lambda image: image.swapaxes(0, 1)),
        ((0, -1, -1, 0), lambda image: image[::-1, ::-1].swapaxes(0, 1)),
    ],
)
def test_a_mirrored_video_comes_out_as_players_show_it(
    tmp_path: Path, matrix: tuple[int, ...], expected: Callable[[np.ndarray], np.ndarray]
) -> None:
    path = tmp_path / "in.mp4"
    write_video(path, [scene(48, 64)] * 2, Fraction(25))
    content = bytearray(path.read_bytes())
    place = content.index(b"tkhd") + 44  # of the matrix (ISO 14496-12, 8.3.2), which begins with a, b, u, c, d
    a, b, c, d = (65536 * value for value in matrix)
    content[place : place + 20] = struct.pack(">5i", a, b, 0, c, d)
    path.write_bytes(content)
    with av.open(str(path)) as file:
        frame = next(file.decode(video=0))
        shown, stored = upright(frame), frame.to_ndarray(format="rgb24")
    np.testing.assert_array_equal(shown, expected(stored))


def test_a_new_scene_begins_afresh() -> None:
    steadied = FlickerFilter(frame_rate=25)
    dark, bright = torch.full((1, 3, 20, 20), 0.05), torch.full((1, 3, 20, 20), 0.6)
    steadied(dark, dark * 4)
    assert not torch.allclose(steadied(dark, dark * 5), dark * 5)
    torch.testing.assert_close(steadied(bright, bright), bright)


def evened(low: torch.Tensor) -> torch.Tensor:
    """Light of one mean whatever comes, as a network makes it that exposes; black stays black."""
    return (low * 0.4 / low.mean().clamp(min=0.25 / 255)).clamp(0, 1)


def noisy(level: float, seed: int, noise: float = 0.3) -> torch.Tensor:
    """(1, 3, 60, 80), a scene of that mean level of 255, in the whole numbers that a video holds."""
    random = np.random.default_rng(seed)
    frame = scene(60, 80).astype(np.float32) / scene(60, 80).mean() * level + random.normal(
        scale=noise, size=(60, 80, 3)
    )
    return torch.from_numpy(frame.clip(0, 255).round().astype(np.float32)).movedim(-1, 0)[None] / 255


def test_a_scene_that_fades_in_from_black_is_seen_at_once() -> None:
    """Measured: half a second after the first light, 0.004 of 0.4 with a floor that black always kept."""
    steadied = FlickerFilter(frame_rate=24)
    means = [float(steadied(low, evened(low)).mean()) for low in (noisy(24 * step / 36, step) for step in range(37))]
    assert min(means[12:]) > 0.3


def test_a_cut_between_two_dark_scenes_begins_afresh() -> None:
    steadied = FlickerFilter(frame_rate=24)
    first, second = noisy(4.0, 0), noisy(2.0, 1)
    steadied(first, evened(first) * 0.7)
    torch.testing.assert_close(steadied(second, evened(second)), evened(second))


def test_a_cut_between_black_bars_begins_afresh() -> None:
    steadied = FlickerFilter(frame_rate=25)
    first, second = (torch.full((1, 3, 20, 20), level) for level in (0.05, 0.3))
    for frame in (first, second):
        frame[..., :5, :] = frame[..., 15:, :] = 0
    steadied(first, first * 4)
    assert not torch.allclose(steadied(first, first * 5), first * 5)
    torch.testing.assert_close(steadied(second, second), second)


@pytest.mark.parametrize("levels", [(25, 200), (200, 25), (25, 60)])
def test_a_cut_between_gray_bars_begins_afresh(levels: tuple[int, int]) -> None:
    """Measured: the second scene wholly white, or next to black, for seconds."""
    steadied = FlickerFilter(frame_rate=24)
    first, second = (noisy(level, level) for level in levels)
    for frame in (first, second):
        frame[..., :8, :] = frame[..., 52:, :] = 16 / 255
    steadied(first, evened(first))
    torch.testing.assert_close(steadied(second, evened(second)), evened(second))


def test_a_very_dark_scene_is_steadied_too() -> None:
    """Behind a lamp that moves. Measured: .003 of change from frame to frame, .16 without the filter."""
    steadied, means = FlickerFilter(frame_rate=25), []
    random = torch.Generator().manual_seed(0)
    for step in range(24):
        low = (torch.randn(1, 3, 120, 160, generator=random) + 2).round().clamp(0, 255) / 255
        low[..., 80:88, 6 * step : 6 * step + 8] = 0.8
        enhanced = (low * 51 * (0.8 + 0.4 * (step % 2))).clamp(0, 1)
        means.append(steadied(low, enhanced)[..., :60, :].mean())
    assert torch.stack(means).diff()[2:].abs().max() < 0.01


def test_what_is_no_video(tmp_path: Path) -> None:
    (tmp_path / "x.mp4").write_text("no video")
    with pytest.raises(VideoError, match=rf"^{tmp_path}/x\.mp4: damaged, or no video$"):
        enhance_video(Enhancer(nn.Identity(), "cpu"), tmp_path / "x.mp4", tmp_path / "out", ".mp4")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a disk that is always full")
def test_a_full_disk_is_no_fault_of_the_video(tmp_path: Path) -> None:
    write_video(tmp_path / "in.mkv", [scene(48, 64)] * 5, Fraction(25))
    with pytest.raises(OSError, match="No space left") as raised:
        enhance_video(Enhancer(nn.Identity(), "cpu"), tmp_path / "in.mkv", Path("/dev/full"), ".mkv")
    assert raised.value.errno == errno.ENOSPC
    assert not isinstance(raised.value, av.error.FFmpegError)


def test_a_video_that_is_cut_off_is_enhanced_as_far_as_it_goes_and_named(tmp_path: Path) -> None:
    frames = [np.random.default_rng(step).integers(0, 99, (48, 64, 3), np.uint8) for step in range(90)]
    before, after = tmp_path / "in.mkv", tmp_path / "out"
    write_video(before, frames, Fraction(25))
    assert enhance_video(Enhancer(nn.Identity(), "cpu"), before, after, ".mkv") is None
    content = before.read_bytes()
    before.write_bytes(content[: len(content) // 2])
    remark = enhance_video(Enhancer(nn.Identity(), "cpu"), before, after, ".mkv")
    assert re.fullmatch(r"cut off: ends after [12]\.\d of 3\.6 s", remark)
    assert 25 < len(read_video(after)["pixels"]) < 60


class Exposing(nn.Module):
    exposure = 0.5

    def forward(self, low: torch.Tensor, stops: float = 0.0) -> torch.Tensor:
        return (low * 2**stops).clamp(0, 1)


def test_stops_of_exposure(tmp_path: Path) -> None:
    write_video(tmp_path / "in.mp4", [scene(48, 64)] * 5, Fraction(25))
    enhance_video(Enhancer(Exposing(), "cpu"), tmp_path / "in.mp4", tmp_path / "out", ".mp4", stops=1.0)
    doubled = np.clip(scene(48, 64).astype(int) * 2, 0, 255)
    assert np.abs(read_video(tmp_path / "out")["pixels"][-1] - doubled).mean() < 6


def test_into_avi_at_the_same_rate(tmp_path: Path) -> None:
    write_video(tmp_path / "in.mp4", [scene(48, 64)] * 12, Fraction(30000, 1001))
    enhance_video(Enhancer(nn.Identity(), "cpu"), tmp_path / "in.mp4", tmp_path / "out", ".avi")
    after = read_video(tmp_path / "out")
    assert after["rate"] == Fraction(30000, 1001)
    assert len(after["pixels"]) == 12


def test_frames_beside_the_even_beat_of_avi_are_said(tmp_path: Path) -> None:
    with av.open(str(tmp_path / "in.mkv"), "w") as file:
        video = file.add_stream("libx264", rate=24)
        video.height, video.width, video.pix_fmt = 48, 64, "yuv420p"
        for place in (*range(6), *range(18, 24)):
            frame = av.VideoFrame.from_ndarray(scene(48, 64), format="rgb24")
            frame.pts, frame.time_base = place, Fraction(1, 24)
            file.mux(video.encode(frame))
        file.mux(video.encode(None))
    enhancer = Enhancer(nn.Identity(), "cpu")
    assert enhance_video(enhancer, tmp_path / "in.mkv", tmp_path / "out", ".mkv") is None
    remark = enhance_video(enhancer, tmp_path / "in.mkv", tmp_path / "out", ".avi") or ""
    assert remark.startswith("out of step with its sound by up to 0.5 s: an .avi holds an even beat")


@pytest.mark.parametrize(("before", "after", "codec"), [(".mov", ".mp4", "pcm_s16le"), (".mp4", ".webm", "aac")])
def test_sound_that_does_not_fit_is_refused_at_once(tmp_path: Path, before: str, after: str, codec: str) -> None:
    source = tmp_path / f"in{before}"
    write_video(source, [scene(48, 64)] * 3, Fraction(25), codec)
    with pytest.raises(VideoError, match=rf"in{before}: its sound \({codec}\) does not go into {after[1:]}; try .mkv"):
        enhance_video(Enhancer(nn.Identity(), "cpu"), source, tmp_path / "out", after)
