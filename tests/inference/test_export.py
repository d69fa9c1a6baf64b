"""Exported networks give the same pictures from ONNX, torch.export and safetensors, at sizes of no tracing."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from torch import Tensor, nn

from nerco_plugin.archs.nerco_arch import NeRCo
from nerco_plugin.export import SIZES, ExportError, about, compare, export, trace, write_onnx, write_program
from nerco_plugin.inference.packaged import packaged_weights
from nerco_plugin.inference.weights import Weights, build_network, read_weights, write_weights
from tests.data.run_tool import run_tool

SMALLEST: dict[str, Any] = {"num_feat": 4, "num_block": 1, "num_mask_block": 1, "hidden_dim": 8}
NETWORK = {"type": "NeRCo", **SMALLEST}
EXPOSED: dict[str, Any] = {  # as packaged
    **{"norm": "none", "residual": True},
    **{"exposure": 0.48, "highlights": 0.72, "shadows": 0.15, "black_level": 1.5},
    **{"toe": 0.5, "keep_detail": 0.004},
}


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights that are strong enough to show differences, saved with the network that they are for."""
    torch.manual_seed(1)
    network = NeRCo(**SMALLEST)
    params = {name: value * 5 for name, value in network.state_dict().items()}
    path = tmp_path_factory.mktemp("weights") / "net_g.pth"
    torch.save({"params": params, "metadata": {"network_g": json.dumps(NETWORK), "options": "name: tiny"}}, path)
    return path


def network_of(weights: Path) -> nn.Module:
    return build_network(read_weights(weights), name="test")


@pytest.fixture(scope="module")
def program(weights: Path) -> torch.export.ExportedProgram:
    return trace(network_of(weights))


def test_onnx_computes_what_torch_does(weights: Path, tmp_path: Path, program: Any) -> None:
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    out, network = tmp_path / "net.onnx", network_of(weights)
    computed = write_onnx(program, out, about(read_weights(weights)))
    differences = compare(network, computed, str(out))
    assert [(one.height, one.width) for one in differences] == list(SIZES)
    assert max(one.mean for one in differences) < 1e-5  # InstanceNorm makes much of rounding where it is dark
    batch = torch.rand(3, 3, 9, 34)
    torch.testing.assert_close(computed(batch), network(batch), rtol=0, atol=1e-5)
    model = onnx.load(out)
    for value in (*model.graph.input, *model.graph.output):
        axes = [axis.dim_param or axis.dim_value for axis in value.type.tensor_type.shape.dim]
        assert axes == ["batch", 3, "height", "width"]
    texts = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(texts["network_g"]) == NETWORK
    assert (texts["smallest_side"], texts["largest_side"]) == ("8", "16384")


def test_a_program_computes_what_torch_does(weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "net.pt2"
    differences = export(weights, out)
    assert max(one.mean for one in differences) < 1e-5  # sums in another order: a graph has no strips
    texts = {"network_g": "", "options": ""}
    loaded, batch = torch.export.load(out, extra_files=texts).module(), torch.rand(3, 3, 8, 51)
    torch.testing.assert_close(loaded(batch), network_of(weights)(batch), rtol=0, atol=1e-5)
    assert json.loads(texts["network_g"]) == NETWORK
    assert texts["options"] == "name: tiny"
    with pytest.raises((AssertionError, RuntimeError)):  # whose, depends on torch
        loaded(torch.rand(1, 3, 7, 20))  # an ONNX file cannot refuse it


def test_a_network_that_exposes_its_images_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    monkeypatch.setattr("nerco_plugin.light.BISECTIONS", 2)  # a graph has them one by one: all 24 take a minute
    block = {"type": "NeRCo", **SMALLEST, **EXPOSED}
    write_weights(Weights(NeRCo(**SMALLEST, **EXPOSED).state_dict(), block), tmp_path / "net.safetensors")
    network = network_of(tmp_path / "net.safetensors")
    beside_a_lamp = torch.rand(1, 3, 45, 61)
    beside_a_lamp[..., :40] *= 0.02  # shadows are lifted there
    traced = trace(network)  # the longest part
    for out, write in ((tmp_path / "net.pt2", write_program), (tmp_path / "net.onnx", write_onnx)):
        computed = write(traced, out, {})
        assert max(one.largest for one in compare(network, computed, str(out))) < 2e-4
        torch.testing.assert_close(computed(beside_a_lamp), network(beside_a_lamp), rtol=0, atol=2e-5)


def test_safetensors_by_the_tool(weights: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "net.safetensors"
    assert run_tool("export", str(weights), str(out)) == 0
    assert f"wrote {out}: 0.1 MB" in capsys.readouterr().out
    with safe_open(out, framework="pt") as file:
        assert json.loads(file.metadata()["network_g"]) == NETWORK
    image = torch.rand(1, 3, 21, 30)
    assert torch.equal(network_of(out)(image), network_of(weights)(image))


def test_a_file_that_computes_something_else_is_refused(weights: Path) -> None:
    network = network_of(weights)

    def a_little_brighter(image: Tensor) -> Tensor:
        return network(image) + 0.01

    with pytest.raises(ExportError, match=r"net.onnx: differs from torch by 0.01 at 96 x 64"):
        compare(network, a_little_brighter, "net.onnx")
    with pytest.raises(ExportError, match="differs from torch by nan"):
        compare(network, lambda image: image * float("nan"), "net.onnx")


@pytest.mark.parametrize("lost", ["highlights", "shadows", "black_level", "toe", "keep_detail"])
def test_a_file_that_lost_a_part_of_the_exposure_is_refused(lost: str) -> None:
    network, other = network_of(packaged_weights()), network_of(packaged_weights())
    setattr(other, lost, None)
    with pytest.raises(ExportError, match="differs from torch"):
        compare(network, other, "net.onnx")


def test_a_file_that_exposes_nothing_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    network = NeRCo(**SMALLEST, **EXPOSED)

    def unexposed(image: Tensor) -> Tensor:
        with monkeypatch.context() as patch:
            patch.setattr("nerco_plugin.light._gain", lambda light, *_: torch.ones(len(light), 1, 1, 1))
            return network(image)

    with pytest.raises(ExportError, match="differs from torch"):
        compare(network, unexposed, "net.onnx")


def test_a_file_that_is_there_outlives_a_failed_export(
    weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "net.pt2"
    out.write_bytes(b"of last week")
    monkeypatch.setattr("nerco_plugin.export.trace", lambda network: network)
    monkeypatch.setattr("nerco_plugin.export.write_program", lambda network, out, texts: wrong(out))

    def wrong(path: Path) -> nn.Module:
        path.write_bytes(b"of today")
        return nn.Identity()

    with pytest.raises(ExportError, match=r"net.pt2: differs from torch"):
        export(weights, out)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"net.pt2": b"of last week"}
    monkeypatch.setattr("nerco_plugin.export.compare", lambda *_: [])
    export(weights, out)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"net.pt2": b"of today"}


def test_another_ending_is_refused(weights: Path, tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r"expected the ending \.safetensors, \.pt2 or \.onnx"):
        export(weights, tmp_path / "net.pb")


def test_an_old_torch_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "__version__", "2.5.1+cu121")
    with pytest.raises(ExportError, match=r"needs torch 2.6 or newer; this is 2.5.1\+cu121"):
        trace(nn.Identity())
