"""Layers that are watched, replaced or renormalized are called: the same pictures with gradients and without."""

import warnings
from collections.abc import Callable

import pytest
import torch
from basicsr.archs import build_network
from torch import Tensor, nn

from nerco_plugin.archs.blocks import ImplicitMLP, ResnetBlock
from nerco_plugin.archs.blocks.implicit import STRIP_PIXELS

SMALL = {"num_feat": 8, "num_block": 1}
NETWORKS = {
    "ResnetGenerator": SMALL,
    "MaskExtractor": SMALL,
    "NRN": {**SMALL, "hidden_dim": 8},
}


class Doubled(nn.Conv2d):
    """A convolution of one's own."""

    def forward(self, image: Tensor) -> Tensor:
        return 2 * super().forward(image)


def each(kind: type[nn.Module], change: Callable[[nn.Module], object]) -> Callable[[nn.Module], None]:
    """``change`` of all layers of a kind."""

    def of(network: nn.Module) -> None:
        for layer in [layer for layer in network.modules() if isinstance(layer, kind)]:
            change(layer)

    return of


def replaced(network: nn.Module, old: type[nn.Module], new: Callable[[nn.Module], nn.Module]) -> None:
    for name, layer in list(network.named_modules()):
        if type(layer) is old:
            around, _, last = name.rpartition(".")
            setattr(network.get_submodule(around), last, new(layer))


def doubled(layer: nn.Module) -> nn.Module:
    assert isinstance(layer, nn.Conv2d)
    sizes = (layer.in_channels, layer.out_channels, layer.kernel_size, layer.stride, layer.padding)
    other = Doubled(*sizes, bias=layer.bias is not None)
    other.load_state_dict(layer.state_dict())
    return other


def affine(layer: nn.Module) -> nn.Module:
    assert isinstance(layer, nn.InstanceNorm2d)
    norm = nn.InstanceNorm2d(layer.num_features, affine=True)
    nn.init.constant_(norm.weight, 3.0)
    return norm


def overridden(layer: nn.Module) -> None:
    forward = layer.forward
    layer.forward = lambda image: 2 * forward(image)


CHANGES: dict[str, Callable[[nn.Module], None]] = {
    "spectral_norm": each(nn.Conv2d, nn.utils.spectral_norm),
    "weight_norm": each(nn.Conv2d, nn.utils.weight_norm),
    "subclass": lambda network: replaced(network, nn.Conv2d, doubled),
    "affine": lambda network: replaced(network, nn.InstanceNorm2d, affine),
    "no norm": lambda network: replaced(network, nn.InstanceNorm2d, lambda _: nn.Identity()),
    "hook": each(nn.Conv2d, lambda layer: layer.register_forward_hook(lambda *call: 2 * call[-1])),
    "forward": each(nn.Conv2d, overridden),
}


def first(output: Tensor | tuple[Tensor, ...]) -> Tensor:
    return output if isinstance(output, Tensor) else output[0]


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("name", NETWORKS)
def test_changed_layers_count_without_gradients_too(name: str, change: str) -> None:
    torch.manual_seed(0)
    network, image = build_network({"type": name, **NETWORKS[name]}), torch.rand(1, 3, 24, 28)
    plain = first(network(image))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # weight_norm has a successor
        CHANGES[change](network)
    if change == "spectral_norm":
        network(image)
        other = build_network({"type": name, **NETWORKS[name]})
        CHANGES[change](other)
        other.load_state_dict(network.state_dict())  # its weights are those that were drawn, until it is called
        network = other
    network.eval()
    with torch.no_grad():
        found = first(network(image))
    torch.testing.assert_close(found, first(network(image)), rtol=1e-4, atol=1e-5)
    if change != "weight_norm":  # which changes how weights are told
        assert not torch.allclose(found, plain, atol=1e-5)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_hook_is_heard_once(name: str) -> None:
    network, heard = build_network({"type": name, **NETWORKS[name]}), []
    layers = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    for layer in layers:
        layer.register_forward_hook(lambda layer, *_: heard.append(layer))
    with torch.no_grad():
        network(torch.rand(1, 3, 24, 28))
    assert sorted(map(id, heard)) == sorted(map(id, layers))


@pytest.mark.parametrize("width", [16, 128])  # the second by Winograd, were it plain
def test_renormalized_layers_learn(width: int) -> None:
    block = ResnetBlock(width)
    layers = [block.conv1, block.conv2]
    for layer in layers:
        nn.utils.spectral_norm(layer)
    block(torch.rand(1, width, 8, 8)).square().mean().backward()
    assert all(layer.weight_orig.grad is not None for layer in layers)


def test_grouped_and_biasless_convolutions_stay_what_they_are() -> None:
    block, feature = ResnetBlock(256, norm="none"), torch.rand(1, 256, 6, 6)
    block.conv1, block.conv2 = nn.Conv2d(256, 256, 3, groups=2), nn.Conv2d(256, 256, 3, bias=False)
    block(feature).mean().backward()
    assert block.conv2.weight.grad is not None


def test_renormalized_positions_and_pixels_learn() -> None:
    mlp = ImplicitMLP(4, hidden_dim=8, num_frequencies=2)
    layers = [mlp.feature, *mlp.hidden, mlp.colour, mlp.position]
    for layer in layers:
        nn.utils.spectral_norm(layer)
    mlp(torch.rand(1, 4, 2, STRIP_PIXELS)).square().mean().backward()  # a strip a row, were they plain
    assert all(layer.weight_orig.grad is not None for layer in layers)


def test_called_layers_draw_what_plain_ones_do() -> None:
    mlp, feature = ImplicitMLP(4, hidden_dim=8, num_frequencies=2), torch.rand(2, 4, 9, 7)
    expected = mlp(feature)
    mlp.hidden[0].register_forward_hook(lambda *_: None)
    torch.testing.assert_close(mlp(feature), expected)


@pytest.mark.parametrize(("at", "num_feat"), [("encoder.10.conv1", 32), ("mlp.feature", 8), ("mlp.hidden.0", 8)])
def test_attention_goes_inside_a_block_and_the_mlp(at: str, num_feat: int) -> None:
    inner = {"type": "NRN", **NETWORKS["NRN"]}
    network = build_network({"type": "AttendedNetwork", "network": inner, "at": at, "num_feat": num_feat})
    image = torch.rand(1, 3, 32, 32)
    drawn = network(image)
    drawn.mean().backward()
    assert all(value.grad is not None for name, value in network.named_parameters() if ".cam." in name)
    with torch.no_grad():
        torch.testing.assert_close(network(image), drawn, rtol=1e-4, atol=1e-5)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning")
@torch.no_grad()
def test_a_trace_holds_no_number_of_strips() -> None:
    network = build_network({"type": "NRN", **NETWORKS["NRN"]})
    traced = torch.jit.trace(network, torch.rand(1, 3, 300, 100), check_trace=False)  # of several strips
    for size in ((24, 28), (420, 120)):
        image = torch.rand(1, 3, *size)
        torch.testing.assert_close(traced(image), network(image), rtol=1e-4, atol=1e-4)
