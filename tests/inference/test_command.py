"""The command: folders and bad files, exit codes, a second call, interruption, quick help, the doctor."""

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nerco_command import build_parser, main
from nerco_plugin import whole_file
from nerco_plugin.inference import commands, doctor
from nerco_plugin.inference.compiler import why_not_compile
from nerco_plugin.inference.enhancer import Enhancer
from nerco_plugin.inference.jobs import JobError, plan_jobs
from nerco_plugin.inference.left_out import describe
from nerco_plugin.inference.photograph import read_photograph

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture
def photographs(tmp_path: Path) -> Path:
    """in/1.png, in/sub/2.jpg and in/sub/3.png (RGBA); in/text.txt and a hidden file, which are none."""
    folder = tmp_path / "in"
    (folder / "sub").mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 60, (11, 13, 4), dtype=np.uint8)
    Image.fromarray(pixels[..., :3]).save(folder / "1.png")
    Image.fromarray(pixels[..., :3]).save(folder / "sub/2.jpg")
    Image.fromarray(pixels).save(folder / "sub/3.png")
    (folder / "text.txt").touch()
    (folder / ".hidden.png").touch()
    return folder


def files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def enhance(*arguments: object) -> int:
    return main(["enhance", "--device", "cpu", "--quiet", *map(str, arguments)])


def test_a_folder_keeps_its_structure(photographs: Path, tiny_weights: Path, capsys: pytest.CaptureFixture) -> None:
    out = photographs / "out"  # within the input, and not enhanced again
    assert enhance(photographs, "-o", out, "--weights", tiny_weights) == 0
    first = files(out)
    assert list(first) == ["1.png", "sub/2.jpg", "sub/3.png"]
    with subprocess.Popen(["true"]) as gone:
        pass
    (out / "sub" / f"{whole_file._prefix()}{gone.pid}-0123abcd.tmp").touch()  # of a command that was killed
    assert "3 enhanced, 0 failed" in capsys.readouterr().err
    (out / "1.png").write_bytes(b"mine")
    (out / "sub/3.png").unlink()
    assert enhance(photographs, "-o", out, "--weights", tiny_weights) == 0
    assert "1 enhanced, 2 there already" in capsys.readouterr().err
    assert files(out) == first | {"1.png": b"mine"}
    assert enhance(photographs, "-o", out, "--weights", tiny_weights, "--overwrite") == 0
    assert files(out) == first


def test_a_bad_file_does_not_stop_the_rest(
    photographs: Path, tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture
) -> None:
    (photographs / "0.png").write_text("no image")
    (photographs / "5.mp4").write_text("no video")
    assert enhance(photographs, "-o", tmp_path / "out", "--weights", tiny_weights) == 1
    assert list(files(tmp_path / "out")) == ["1.png", "sub/2.jpg", "sub/3.png"]
    error = capsys.readouterr().err
    assert "3 enhanced, 2 failed" in error
    assert error.count(str(photographs / "0.png")) == 1
    assert error.count(str(photographs / "5.mp4")) >= 1


def test_a_folder_that_cannot_be_written_to_is_named_before_anything_is_computed(
    photographs: Path,
    tmp_path: Path,
    tiny_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    def refuse(*arguments: object, **options: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system", "tmp12345")

    monkeypatch.setattr(tempfile, "TemporaryFile", refuse)
    monkeypatch.setattr(Path, "write_bytes", refuse)
    monkeypatch.setattr(Enhancer, "photograph", lambda *arguments: pytest.fail("computed"))
    out = tmp_path / "out"
    assert enhance(photographs, "-o", out, "--weights", tiny_weights) == 2
    assert capsys.readouterr().err == f"error: cannot write into {out}: Read-only file system\n"


def test_a_full_disk_ends_the_run(
    photographs: Path,
    tmp_path: Path,
    tiny_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    out, written = tmp_path / "out", Path.write_bytes

    def fill(self: Path, content: bytes) -> int:
        if self.parent == out:
            return written(self, content)
        written(self, content[:50])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fill)
    assert enhance(photographs, "-o", out, "--weights", tiny_weights) == 1
    assert capsys.readouterr().err == (
        "1 enhanced, 1 failed\n"
        f"failed: cannot write into {out / 'sub'}: No space left on device; the same command goes on with the 2 left "
        "to do\n"
    )
    assert list(files(out)) == ["1.png"]
    monkeypatch.undo()
    assert enhance(photographs, "-o", out, "--weights", tiny_weights) == 0
    assert "2 enhanced, 1 there already" in capsys.readouterr().err


def test_pillow_s_warnings_are_kept_from_the_user(photographs: Path, tmp_path: Path, tiny_weights: Path) -> None:
    exif = Image.Exif()
    exif[0x0131] = "a text that is long enough to lie elsewhere"
    Image.new("RGB", (9, 8)).save(photographs / "sub/2.jpg", exif=exif.tobytes()[:40])
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        read_photograph(photographs / "sub/2.jpg")
        assert [warning.category for warning in told] == [UserWarning]
        assert enhance(photographs / "sub/2.jpg", "-o", tmp_path / "out", "--weights", tiny_weights) == 0
    assert len(told) == 1


def test_one_file_to_another_format(photographs: Path, tmp_path: Path, tiny_weights: Path, enhancer: Enhancer) -> None:
    out = tmp_path / "new/x.tif"
    assert enhance(photographs / "sub/3.png", "-o", out, "--weights", tiny_weights, "--strength", 0.5) == 0
    expected = enhancer(np.asarray(Image.open(photographs / "sub/3.png")), 0.5)
    np.testing.assert_array_equal(np.asarray(Image.open(out)), expected)
    assert enhance(photographs / "sub/3.png", "-o", tmp_path / "x.jpg", "--weights", tiny_weights) == 1
    assert not (tmp_path / "x.jpg").exists()


def test_stops_of_exposure(
    photographs: Path, tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture
) -> None:
    source, out = photographs / "sub/3.png", tmp_path / "out.tif"
    assert enhance(source, "-o", out, "--stops", "-1.5") == 0
    expected = Enhancer.from_pretrained(device="cpu")(np.asarray(Image.open(source)), stops=-1.5)
    assert build_parser().parse_args(["enhance", "x", "-o", "y", "--stops", "-1e-1"]).stops == -0.1
    np.testing.assert_array_equal(np.asarray(Image.open(out)), expected)
    assert enhance(source, "-o", tmp_path / "no.tif", "--stops", 1, "--weights", tiny_weights) == 2
    assert "stops: got 1, and the network has no exposure that could be changed" in capsys.readouterr().err
    assert not (tmp_path / "no.tif").exists()


def test_interruption_leaves_whole_files(
    photographs: Path, tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Path.write_bytes

    def interrupt(self: Path, content: bytes) -> int:
        if (tmp_path / "out/1.png").parent == self.parent:
            return written(self, content)
        written(self, content[:50])
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "write_bytes", interrupt)
    assert enhance(photographs, "-o", tmp_path / "out", "--weights", tiny_weights) == 130
    assert list(files(tmp_path / "out")) == ["1.png"]
    monkeypatch.undo()
    assert enhance(photographs, "-o", tmp_path / "out", "--weights", tiny_weights) == 0
    assert len(files(tmp_path / "out")) == 3


def test_jobs_that_do_not_go_together(photographs: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "1.png").touch()
    (tmp_path / "plain").touch()
    os.mkfifo(tmp_path / "pipe.png")
    for inputs, out, fault in (
        ([tmp_path / "absent"], "out", "no such file or folder"),
        ([tmp_path / "empty"], "out", "no image or video"),
        ([photographs / "text.txt"], "out", "expected an image or a video"),
        ([photographs], "in", "is an input"),
        ([photographs / "1.png"], "in/1.png", "is an input"),
        ([photographs, tmp_path / "1.png"], "out", "would both become"),
        ([photographs / "1.png"], "x.mp4", "is an image"),
        ([photographs], "x.png", "x.png: a file's name"),
        ([photographs / "1.png"], "x.gif", "x.gif: cannot write image/gif"),
        ([photographs / "1.png"], "x.pdf", "x.pdf: cannot write application/pdf"),
        ([photographs / "1.png"], "x.txt", "x.txt: cannot write text/plain"),
        ([photographs / "1.png"], "x.dng", "x.dng: cannot write"),
        ([photographs], "x.3gp", "x.3gp: cannot write"),
        ([photographs], "x.mts", "x.mts: cannot write"),
        ([photographs], "plain", "plain: is a file"),
        ([photographs], "plain/out", "plain: is a file"),
        ([photographs / "1.png"], "plain/x.jpg", "plain: is a file"),
        ([photographs / "1.png"], "1.png/", "1.png: is a file"),
        ([tmp_path / "pipe.png"], "out", "no file and no folder"),
    ):
        with pytest.raises(JobError, match=fault):
            plan_jobs(inputs, f"{tmp_path}/{out}")


def test_what_a_folder_gives(photographs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = plan_jobs([photographs], tmp_path / "out")
    os.mkfifo(photographs / "pipe.png")
    assert plan_jobs([photographs, photographs, photographs / "1.png"], tmp_path / "out") == jobs
    monkeypatch.chdir(tmp_path)
    again = plan_jobs([photographs, Path("in/1.png"), Path("in")], tmp_path / "out")
    assert [job.target for job in again] == [job.target for job in jobs]
    assert plan_jobs([photographs], tmp_path / "version.2") != jobs  # a dot does not make it a file
    (job,) = plan_jobs([photographs / "1.png"], f"{tmp_path}/x.png/")
    assert job.target == tmp_path / "x.png/1.png"
    assert build_parser().parse_args(["enhance", "1.png", "-o", "x.png/"]).out == "x.png/"


def test_what_is_left_out_is_counted(
    photographs: Path, tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture
) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/4.CR2").touch()
    (photographs / "link").symlink_to(tmp_path / "elsewhere")
    for name in ("5.heic", "sub/6.HEIC", "sub/7.dng", ".8.dng"):
        (photographs / name).touch()
    (photographs / "sub/2.jpg").rename(photographs / "sub/2.jfif")
    assert enhance(photographs, os.path.relpath(photographs), "-o", tmp_path / "out", "--weights", tiny_weights) == 0
    assert list(files(tmp_path / "out")) == ["1.png", "sub/2.jfif", "sub/3.png"]
    assert "3 enhanced, 0 failed\nleft out: 3 (.heic 2, .dng 1), 1 linked folder\n" in capsys.readouterr().err
    (photographs / "1.png").rename(tmp_path / "elsewhere/1.png")
    assert enhance(photographs, photographs / "link", "-o", tmp_path / "out", "--weights", tiny_weights) == 0
    assert "linked" not in capsys.readouterr().err
    (tmp_path / "elsewhere/1.png").unlink()
    assert enhance(photographs / "link", "-o", tmp_path / "out", "--weights", tiny_weights) == 2
    assert "link: no image or video in this folder; left out: 1 (.cr2 1); known" in capsys.readouterr().err


def test_pictures_of_rarer_kinds_and_without_an_ending_are_counted_too(photographs: Path, tmp_path: Path) -> None:
    for ending in (".ppm", ".jp2", ".TGA", ".pcx", ".mpo", ".psd", ".raw", ".json", ".pdf", ".h5"):
        (photographs / f"4{ending}").touch()
    for kind in ("JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP"):
        Image.new("RGB", (9, 9)).save(photographs / f"as_{kind}", kind)
    (photographs / "as_HEIC").write_bytes(b"\0\0\0\x18ftypheic")
    (photographs / "README").write_text("no picture")
    os.mkfifo(photographs / "pipe")
    left_out: set[Path] = set()
    plan_jobs([photographs], tmp_path / "out", left_out=left_out)
    listed = [".ppm 1", ".jp2 1", ".tga 1", ".pcx 1", ".mpo 1", ".psd 1", ".raw 1"]
    told = describe(left_out)
    assert told.startswith("left out: 14 (no ending 7, ")
    assert sorted(told.partition(", ")[2].rstrip(")").split(", ")) == sorted(listed)


@pytest.mark.skipif(os.geteuid() == 0, reason="everything may be read")
def test_a_folder_that_may_not_be_read_is_named(
    photographs: Path, tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture
) -> None:
    (photographs / "sub").chmod(0)
    try:
        assert enhance(photographs, "-o", tmp_path / "out", "--weights", tiny_weights) == 1
    finally:
        (photographs / "sub").chmod(0o700)
    assert f"{photographs / 'sub'}: Permission denied" in capsys.readouterr().err
    assert list(files(tmp_path / "out")) == ["1.png"]


@pytest.mark.parametrize(("number", "code"), [(signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_other_signals_have_their_own_code(
    photographs: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch, number: int, code: int
) -> None:
    def stop(*arguments: object) -> None:
        os.kill(os.getpid(), number)
        time.sleep(5)

    before = {one: signal.getsignal(one) for one in (signal.SIGTERM, signal.SIGHUP)}
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    monkeypatch.setattr(Path, "write_bytes", stop)
    try:
        assert enhance(photographs, "-o", photographs / "out", "--weights", tiny_weights) == code
        signal.signal(signal.SIGHUP, signal.SIG_IGN)  # nohup
        main(["doctor"])
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)
    assert files(photographs / "out") == {}


@pytest.mark.parametrize("last", ["nerco_plugin.inference.doctor", "numpy.exceptions", "numpy.lib.format", "cv2"])
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_amid_the_imports_is_neither_lost_nor_an_error(
    photographs: Path, number: int, code: int, last: str
) -> None:
    command = [sys.executable, "-X", "importtime", "nerco_command.py", "enhance", photographs / "1.png", "--quiet"]
    begun = subprocess.Popen(
        [*command, "-o", photographs / "out"],
        cwd=REPOSITORY,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # a shell may have had it ignored
    )
    with begun as process:
        lines = iter(process.stderr.readline, "")
        assert any(line.rpartition("|")[2].strip() == last for line in lines)
        process.send_signal(number)
        said = [line for line in lines if not line.startswith("import time:")]
    assert process.returncode == code
    assert said == ["\n", "interrupted; the same command goes on where this one stopped\n"]
    assert not (photographs / "out").exists()


def test_a_folder_or_a_broken_link_in_a_result_s_place(
    photographs: Path, tiny_weights: Path, capsys: pytest.CaptureFixture
) -> None:
    out = photographs / "out"
    (out / "1.png").mkdir(parents=True)
    (out / "sub").mkdir()
    (out / "sub/2.jpg").symlink_to("nowhere")
    assert enhance(photographs, "-o", out, "--weights", tiny_weights) == 1
    error = capsys.readouterr().err
    assert "2 enhanced, 1 failed" in error
    assert f"failed: {photographs / '1.png'}: {out / '1.png'} is a folder" in error
    assert list(files(out)) == ["sub/2.jpg", "sub/3.png"]


def test_the_source_is_named_though_its_name_is_a_part_of_another(
    photographs: Path, tiny_weights: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photographs / "sub")
    assert enhance("3.png", "-o", "new3.png.jpg", "--weights", tiny_weights) == 1
    assert "failed: 3.png: new3.png.jpg: JPEG does not hold alpha" in capsys.readouterr().err


def test_faults_before_the_first_file(photographs: Path, tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    assert enhance(photographs, "-o", tmp_path / "out", "--weights", tmp_path / "absent.pth") == 2
    assert "absent.pth" in capsys.readouterr().err
    for arguments, fault in (
        (["enhance", "x", "-o", "y", "--strength", "1.5"], "expected 0 to 1, got 1.5"),
        (["enhance", "x", "-o", "y", "--strength", "much"], "expected 0 to 1, got much"),
        (["enhance", "x", "-o", "y", "--stops", "5"], "expected -4 to 4, got 5"),
        (["demo", "--port", "70000"], "expected 1 to 65535, got 70000"),
        (["enhance", "", "-o", "y"], "INPUT: expected a name, got nothing"),
        (["enhance", "x", "", "-o", "y"], "INPUT: expected a name, got nothing"),
        (["enhance", "x", "-o", ""], "-o/--out: expected a name, got nothing"),
        (["enhance", "x", "-o", "y", "--opt", ""], "--opt: expected a name, got nothing"),
        (["demo", "--weights", ""], "--weights: expected a name, got nothing"),
        (["demo", "--host", ""], "--host: expected a name, got nothing"),
        (["doctor", "--weights", ""], "--weights: expected a name, got nothing"),
        (["doctor", "--weights", "x", "--opt", ""], "--opt: expected a name, got nothing"),
    ):
        with pytest.raises(SystemExit):
            main(arguments)
        assert fault in capsys.readouterr().err


def test_options_that_cannot_be_followed(
    photographs: Path,
    tmp_path: Path,
    tiny_weights: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    assert main(["doctor", "--opt", "x.yml"]) == 2
    assert "error: --opt x.yml: name the weights" in capsys.readouterr().err
    assert enhance(photographs, "-o", tmp_path / "out", "--weights", tiny_weights, "--device", "meta") == 2
    assert "error: device: expected auto, cpu, cuda, cuda:1 and so on, or mps, got 'meta'" in capsys.readouterr().err
    monkeypatch.setenv("CXX", "no-such-compiler")
    assert enhance(photographs, "-o", tmp_path / "out", "--weights", tiny_weights, "--compile") == 2
    assert "error: compile: torch.compile needs a C++ compiler for the CPU" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_the_process_leaves_at_once_with_its_code_and_all_its_words(photographs: Path, tiny_weights: Path) -> None:
    command = [sys.executable, "tools/enhance.py", photographs / "1.png", "--weights", tiny_weights, "--quiet", "-o"]
    first, second = (
        subprocess.run([*command, photographs.parent / out], cwd=REPOSITORY, capture_output=True, text=True)
        for out in ("better.png", "better.mp4")
    )
    assert (first.returncode, first.stderr) == (0, "1 enhanced, 0 failed\n")
    assert Image.open(photographs.parent / "better.png").size == (13, 11)
    assert second.returncode == 2
    assert "is an image" in second.stderr


def test_help_needs_no_torch() -> None:
    program = "import sys, nerco_command as c; c.build_parser().format_help(); print('torch' in sys.modules)"
    for code in (program, program.replace("format_help()", "parse_args(['doctor'])")):
        result = subprocess.run(
            [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
        )
        assert result.stdout == "False\n"
    shown = subprocess.run(
        [sys.executable, "tools/enhance.py", "--help"], cwd=REPOSITORY, capture_output=True, text=True
    )
    assert "--strength" in shown.stdout


def test_doctor(stand_in: Path, tiny_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*arguments: object, **options: object) -> None:
        raise doctor.ClipWeightsMissingError("CLIP is missing\nhow it gets here")

    monkeypatch.setattr(doctor, "find_clip", absent)  # the cache of whoever runs this is not ours to know
    monkeypatch.chdir(tmp_path)
    text, is_healthy = doctor.examine()
    assert is_healthy
    assert f"python           {sys.version.split()[0]}" in text
    assert "how it gets here" in text
    assert re.search(r"weights +nerco_small: [\d,]+ parameters, fit", text)
    text, is_healthy = doctor.examine(str(tiny_weights))
    assert is_healthy
    assert re.search(rf"weights +{tiny_weights}: [\d,]+ parameters, fit", text)
    text, is_healthy = doctor.examine(str(tmp_path / "gone.pth"))
    assert not is_healthy
    assert "gone.pth" in text.partition("Will not work here:")[2]
    (tmp_path / "experiments/a/models").mkdir(parents=True)
    (tmp_path / "experiments/a/models/net_g_5.pth").symlink_to("nowhere")
    assert "own runs" not in doctor.examine()[0]
    (stand_in / "nerco_small.safetensors").unlink()
    text, is_healthy = doctor.examine()
    assert not is_healthy
    assert "weights nerco_small: " in text.partition("Will not work here:")[2]


def test_every_command_is_there() -> None:
    for name in commands.COMMANDS:
        with pytest.raises(SystemExit) as stop:
            main([name, "--help"])
        assert stop.value.code == 0


def test_doctor_knows_packages_however_they_are_spelt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "requires", lambda name: ["open-clip-torch>=3.0", "Huggingface-Hub>=0.25"])
    monkeypatch.chdir(tmp_path)
    text, is_healthy = doctor.examine()
    assert is_healthy
    assert "cannot be imported" not in text


def test_doctor_says_of_a_gpu_that_torch_cannot_use_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.chdir(tmp_path)
    text, is_healthy = doctor.examine()
    assert is_healthy
    assert "cannot use the 1 that it sees (is the driver too old?)" in text.partition("Will not work here:")[2]


def test_compilers_for_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "needs triton" in (why_not_compile("cuda") or "")
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)
    monkeypatch.setenv("CC", sys.executable)
    assert why_not_compile("cuda") is None
    monkeypatch.setenv("CC", "no-such-compiler")
    assert "there is no no-such-compiler" in (why_not_compile("cuda") or "")
    monkeypatch.delenv("CC")
    monkeypatch.setattr("shutil.which", lambda name: None)
    assert "there is no gcc and no clang" in (why_not_compile("cuda") or "")


@pytest.mark.parametrize("said", ["DefaultCPUAllocator: can't allocate", "CUBLAS_STATUS_ALLOC_FAILED when calling"])
def test_out_of_memory_is_one_files_fault(
    photographs: Path,
    tiny_weights: Path,
    tmp_path: Path,
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture,
) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError(said)

    monkeypatch.setattr(Enhancer, "photograph", fail)
    assert enhance(photographs / "1.png", "-o", tmp_path / "out", "--weights", tiny_weights) == 1
    assert "1.png: out of memory; try --precision bf16" in capsys.readouterr().err
