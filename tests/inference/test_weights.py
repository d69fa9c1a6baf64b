"""Weights that rebuild their network: packaged, of a run, of an option file, from the hub's cache; faults by name."""

import hashlib
from pathlib import Path

import pytest
import torch
import yaml

from nerco_plugin.archs.nerco_arch import NeRCo
from nerco_plugin.engine.options import OptionError
from nerco_plugin.inference.hub import WeightsMissingError, find_weights
from nerco_plugin.inference.weights import Weights, build_network, read_weights, write_weights
from nerco_plugin.models.state_file import CheckpointError

SMALL = {"num_feat": 4, "num_block": 1, "num_mask_block": 1, "hidden_dim": 8, "use_position": False}
NETWORK = {"type": "NeRCo", **SMALL}


@pytest.fixture
def network() -> NeRCo:
    return NeRCo(**SMALL)


@pytest.fixture
def checkpoint(tmp_path: Path, network: NeRCo) -> Path:
    """As training leaves it: models/net_g_3.pth of a run, its option file beside it, whose base is elsewhere."""
    run = tmp_path / "experiments/tiny"
    (run / "models").mkdir(parents=True)
    (tmp_path / "options").mkdir()
    (tmp_path / "options/base.yml").write_text(yaml.safe_dump({"network_g": NETWORK | {"num_feat": 16}}))
    options = yaml.safe_dump({"base": "base.yml", "name": "tiny", "network_g": {"num_feat": 4}})
    (tmp_path / "options/tiny.yml").write_text(options)
    (run / "tiny.yml").write_text(options)
    ema = {name: value + 1 for name, value in network.state_dict().items()}
    torch.save({"params": network.state_dict(), "params_ema": ema}, run / "models/net_g_3.pth")
    return run / "models/net_g_3.pth"


@pytest.mark.parametrize("ending", [".pth", ".safetensors"])
def test_packaged_weights_need_nothing_else(tmp_path: Path, checkpoint: Path, network: NeRCo, ending: str) -> None:
    out = tmp_path / f"alone{ending}"
    write_weights(read_weights(checkpoint), out)
    weights = read_weights(out)
    assert weights.network_g == NETWORK
    assert yaml.safe_load(weights.options)["name"] == "tiny"
    assert weights.version == "0.1.0"
    for name, value in build_network(weights, "x").state_dict().items():
        torch.testing.assert_close(value, network.state_dict()[name] + 1)  # the average is preferred


def test_packaged_pth_is_basicsrs(tmp_path: Path, network: NeRCo) -> None:
    write_weights(Weights(network.state_dict(), NETWORK), tmp_path / "x.pth")
    NeRCo(**SMALL).load_state_dict(torch.load(tmp_path / "x.pth", weights_only=True)["params"], strict=True)


def test_bare_weights_want_an_option_file(tmp_path: Path, network: NeRCo) -> None:
    bare = tmp_path / "bare.pth"
    torch.save({f"module.{name}": value for name, value in network.state_dict().items()}, bare)
    with pytest.raises(CheckpointError, match=r"bare.pth does not say.*--opt"):
        read_weights(bare)
    option_file = tmp_path / "net.yml"
    option_file.write_text(yaml.safe_dump({"network_g": NETWORK}))
    build_network(read_weights(bare, option_file), "bare.pth")
    option_file.write_text("name: none")
    with pytest.raises(OptionError, match="net.yml: network_g is missing"):
        read_weights(bare, option_file)


def test_faults(tmp_path: Path, network: NeRCo) -> None:
    state = network.state_dict()
    for network_g, fault in (
        ({"type": "NoNet"}, "no registered arch 'NoNet'"),
        (NETWORK | {"num_feat": 8}, "is 4 instead of 8"),
        (NETWORK | {"colour": 1}, "colour"),
    ):
        with pytest.raises(CheckpointError, match=f"(?s)x.pth.*{fault}"):
            write_weights(Weights(state, network_g), tmp_path / "x.pth")
    with pytest.raises(CheckpointError, match="expected the ending"):
        write_weights(Weights(state, NETWORK), tmp_path / "x.bin")
    (tmp_path / "broken.safetensors").write_bytes(b"no tensors")
    torch.save({"params": {"a": 1}}, tmp_path / "numbers.pth")
    torch.save([1], tmp_path / "list.pth")
    for name in ("broken.safetensors", "numbers.pth", "list.pth", "absent.pth"):
        with pytest.raises(CheckpointError, match=name):
            read_weights(tmp_path / name)


def test_tensors_that_do_not_fit_are_counted_and_a_few_named(network: NeRCo) -> None:
    others = {f"old.{name}": value for name, value in network.state_dict().items()}
    with pytest.raises(CheckpointError) as raised:
        build_network(Weights(others, NETWORK), "x.pth")
    assert str(raised.value).startswith("x.pth does not fit NeRCo with {")
    assert str(raised.value).count("is missing") == 4
    assert str(raised.value).endswith(f", and {2 * len(others) - 4} tensors more")
    one = network.state_dict()
    name, value = one.popitem()
    with pytest.raises(CheckpointError, match=f"}}: {name} is missing$"):
        build_network(Weights(one, NETWORK), "x.pth")
    with pytest.raises(CheckpointError, match=f"}}: {name} is 1 x {len(value)} instead of {len(value)}$"):
        build_network(Weights(one | {name: value[None]}, NETWORK), "x.pth")


@pytest.fixture
def cache(tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The hub's cache with a/b: model.safetensors, called by its hash; returns the blob."""
    import huggingface_hub.constants as constants
    import huggingface_hub.file_download as file_download

    content = tiny_weights.read_bytes()
    repository = tmp_path / "hub/models--a--b"
    blob = repository / "blobs" / hashlib.sha256(content).hexdigest()
    for folder in (blob.parent, repository / "snapshots/c0ffee", repository / "refs"):
        folder.mkdir(parents=True)
    blob.write_bytes(content)
    (repository / "snapshots/c0ffee/model.safetensors").symlink_to(blob)
    (repository / "refs/main").write_text("c0ffee")
    for module in (constants, file_download.constants):
        monkeypatch.setattr(module, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(module, "HF_HUB_OFFLINE", True)
    return blob


def test_hub_names_from_the_cache(cache: Path) -> None:
    for name in ("a/b", "a/b@main", "a/b:model.safetensors", "a/b@main:model.safetensors", Path("a/b")):
        assert find_weights(name).read_bytes() == cache.read_bytes()
    assert read_weights(find_weights("a/b")).network_g["type"] == "NeRCo"


def test_damaged_and_missing_weights(cache: Path, tmp_path: Path) -> None:
    cache.write_bytes(cache.read_bytes()[:-1] + b"x")
    with pytest.raises(WeightsMissingError, match="damaged: SHA-256"):
        find_weights("a/b")
    with pytest.raises(WeightsMissingError, match="(?s)other/name.*hf download other/name model.safetensors"):
        find_weights("other/name")
    for absent in (tmp_path / "x.pth", "folder/x.safetensors", "folder/x.onnx", "x", tmp_path):
        with pytest.raises(WeightsMissingError, match="^weights: no such file"):
            find_weights(absent)
