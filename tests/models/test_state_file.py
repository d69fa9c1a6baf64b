"""Files that are no checkpoints are refused in a few words, which never advise to run what they hold."""

import io
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from nerco_plugin.models.state_file import CheckpointError, load_torch, save_torch, write_atomically


def saved(content: object) -> bytes:
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def photograph() -> bytes:
    file = io.BytesIO()
    Image.fromarray(np.zeros((9, 9, 3), np.uint8)).save(file, "JPEG")
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "fault"),
    [
        ("photo.jpg", photograph(), "no PyTorch checkpoint"),
        ("empty.pth", b"", "no PyTorch checkpoint"),
        ("options.yml", b"a: 1\n", "no PyTorch checkpoint"),  # torch raises an IndexError
        ("short.pth", b"\x80\x02J\x00", "no PyTorch checkpoint"),  # and for this a struct.error
        ("cut.pth", saved({"a": torch.zeros(30)})[:-90], "a damaged one .*central directory"),
        ("module.pth", saved(nn.Conv2d(1, 1, 1)), r"holds code \(torch.nn.modules.conv.Conv2d\)"),
        ("net.onnx", b"\x08\x0a\x12\x07pytorch", "an ONNX model has no weights to go on with"),
        ("net.pt2", b"PK", "an exported program has no weights to go on with"),
        ("net.safetensors", b"\x00", "a .safetensors that is damaged"),
    ],
)
def test_what_is_no_checkpoint(name: str, content: bytes, fault: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(CheckpointError, match=rf"cannot read .*{name}: .*{fault}") as raised:
        load_torch(tmp_path / name)
    assert "weights_only" not in str(raised.value)
    assert len(str(raised.value).replace(str(tmp_path), "")) < 220


@pytest.mark.filterwarnings("error::UserWarning")
def test_a_program_of_torchscript(tmp_path: Path) -> None:
    class Twice(nn.Module):
        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return 2 * image

    torch.jit.trace(Twice(), torch.zeros(1)).save(tmp_path / "net.pt")
    with pytest.raises(CheckpointError, match="net.pt: a TorchScript program"):
        load_torch(tmp_path / "net.pt")


def test_a_folder_and_what_is_absent(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="Is a directory"):
        load_torch(tmp_path)
    with pytest.raises(CheckpointError, match="no such file: .*gone.pth"):
        load_torch(tmp_path / "gone.pth")


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    save_torch({"a": torch.arange(3), "b": [1, "two"]}, tmp_path / "x.pth")
    content = load_torch(tmp_path / "x.pth")
    assert content["a"].tolist() == [0, 1, 2]
    assert content["b"] == [1, "two"]


def test_the_folder_of_what_is_written_is_made_and_a_file_in_its_place_named(tmp_path: Path) -> None:
    save_torch({"params": {}}, tmp_path / "new" / "folder" / "net.pth")
    assert load_torch(tmp_path / "new" / "folder" / "net.pth") == {"params": {}}
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(CheckpointError, match=r"cannot write .*taken/net\.pth"):
        save_torch({"params": {}}, tmp_path / "taken" / "net.pth")
    assert (tmp_path / "taken").read_text() == "mine"


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[int, bool]] = []  # bytes of what was synced, and whether the name was there

    def fsync(handle: int) -> None:
        synced.append((os.fstat(handle).st_size, (tmp_path / "net.pth").exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    write_atomically(tmp_path / "net.pth", lambda file: file.write(b"x" * 5000))
    assert synced[0] == (5000, False)
    assert [named for _, named in synced[1:]] == [True]  # the folder, with the new name
