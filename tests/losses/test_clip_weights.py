"""Where CLIP's weights come from: tag, folder, file; and the errors where they are missing, wrong or ambiguous."""

import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file

from nerco_plugin.losses.clip_encoder import load_clip
from nerco_plugin.losses.clip_loss import CLIPCosineLoss
from nerco_plugin.losses.clip_weights import ClipWeightsMissingError, find_clip
from tests.losses.tiny_clip import save_tiny_clip

REPOSITORY = "timm/vit_base_patch32_clip_224.openai"  # of tag openai of ViT-B-32
UNREACHABLE = "http://127.0.0.1:9"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return save_tiny_clip(tmp_path / "clip")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, and a hub that cannot be reached."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    set_hub(monkeypatch, UNREACHABLE)
    return tmp_path / "hub"


def set_hub(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setattr(constants, "ENDPOINT", address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")


class Hub(BaseHTTPRequestHandler):
    """As much of the hub as a download needs: it has the .bin file alone."""

    def do_HEAD(self) -> None:
        known = self.path.endswith("open_clip_pytorch_model.bin")
        self.send_response(200 if known else 404)
        self.send_header("X-Error-Code", "" if known else "EntryNotFound")
        self.send_header("X-Repo-Commit", "0" * 40)
        self.send_header("ETag", '"1"')
        self.send_header("Content-Length", "7")
        self.end_headers()

    def do_GET(self) -> None:
        self.do_HEAD()
        self.wfile.write(b"weights")

    def log_message(self, *args: object) -> None:
        """Keep quiet."""


@pytest.fixture
def hub() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_tag_without_network_says_at_once_what_to_do(cache: Path) -> None:
    started = time.monotonic()
    with pytest.raises(ClipWeightsMissingError) as caught:
        CLIPCosineLoss().prepare()
    assert time.monotonic() - started < 10
    message = str(caught.value)
    assert isinstance(caught.value, FileNotFoundError)
    for part in ("'openai' of ViT-B-32", f"hf download {REPOSITORY}", "pretrained: PATH/clip_weights", str(cache)):
        assert part in message


def test_a_tag_is_downloaded_once(cache: Path, hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    set_hub(monkeypatch, hub)
    source = find_clip("ViT-B-32", "openai", quick_gelu=None)
    assert Path(str(source.file)).read_bytes() == b"weights"
    set_hub(monkeypatch, UNREACHABLE)
    assert find_clip("ViT-B-32", "openai", quick_gelu=None) == source


def test_a_tag_in_the_cache_needs_no_network_and_names_its_activation(cache: Path) -> None:
    repository = cache / f"models--{REPOSITORY.replace('/', '--')}"
    snapshot = repository / "snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0" * 40)
    (snapshot / "open_clip_model.safetensors").write_bytes(b"")
    source = find_clip("ViT-B-32", "openai", quick_gelu=None)
    assert source.file == str(snapshot / "open_clip_model.safetensors")
    assert source.quick_gelu
    assert source.preprocess["mean"] == pytest.approx((0.48145466, 0.4578275, 0.40821073))


@pytest.mark.parametrize("name", ["open_clip_pytorch_model.bin", "open_clip_model.safetensors"])
def test_a_folder_as_the_hub_keeps_it(folder: Path, name: str) -> None:
    weights = load_file(folder / "open_clip_model.safetensors")
    if name.endswith(".bin"):
        (folder / "open_clip_model.safetensors").unlink()
        torch.save(weights, folder / name)
    clip = load_clip("ViT-B-32", str(folder), ["one", "two"], quick_gelu=None)
    assert torch.equal(clip.encoder.conv1.weight, weights["visual.conv1.weight"])


@pytest.mark.parametrize("name", ["open_clip_config.json", "open_clip_model.safetensors"])
def test_a_folder_that_lacks_something(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(ClipWeightsMissingError, match=f"expected open_clip_config.json and .* in the folder {folder}"):
        find_clip("ViT-B-32", str(folder), quick_gelu=None)


def test_a_file_must_come_with_its_activation(folder: Path) -> None:
    file = str(folder / "open_clip_model.safetensors")
    with pytest.raises(ValueError, match=f"quick_gelu: expected true or false, since the file {file}"):
        find_clip("ViT-B-32", file, quick_gelu=None)
    assert find_clip("ViT-B-32", file, quick_gelu=True).quick_gelu
    assert not find_clip("ViT-B-32", file, quick_gelu=False).quick_gelu
    assert find_clip("ViT-B-32-quickgelu", file, quick_gelu=None).name == "ViT-B-32-quickgelu"


def test_a_folder_and_a_tag_know_their_activation(folder: Path) -> None:
    for pretrained in (str(folder), "openai"):
        with pytest.raises(ValueError, match=f"quick_gelu: only for a file.* '{pretrained}', got True"):
            find_clip("ViT-B-32", pretrained, quick_gelu=True)


def test_unknown_names() -> None:
    with pytest.raises(
        ClipWeightsMissingError, match=r"'opennai' is no file or folder, nor a tag of ViT-B-32 \(openai"
    ):
        find_clip("ViT-B-32", "opennai", quick_gelu=None)
    with pytest.raises(ValueError, match=r"model: expected a name in open_clip.list_models\(\), got 'ViT-B32'"):
        find_clip("ViT-B32", "openai", quick_gelu=None)


@pytest.mark.parametrize("damage", ["truncated", "another model"])
def test_weights_that_do_not_fit(folder: Path, damage: str) -> None:
    file = folder / "open_clip_model.safetensors"
    if damage == "truncated":
        file.write_bytes(file.read_bytes()[:1000])
    else:
        config = folder / "open_clip_config.json"
        config.write_text(config.read_text().replace('"embed_dim": 8', '"embed_dim": 9'))
    with pytest.raises(RuntimeError, match=f"pretrained: .*{folder} cannot be read as weights"):
        load_clip("ViT-B-32", str(folder), ["one"], quick_gelu=None)


class Payload:
    """Unpickling it makes a file."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.file,)


def test_code_in_a_weights_file_is_not_run(folder: Path, tmp_path: Path) -> None:
    (folder / "open_clip_model.safetensors").unlink()
    torch.save({"state_dict": Payload(tmp_path / "ran")}, folder / "open_clip_pytorch_model.bin")
    with pytest.raises(RuntimeError, match="cannot be read as weights"):
        load_clip("ViT-B-32", str(folder), ["one"], quick_gelu=None)
    assert not (tmp_path / "ran").exists()
