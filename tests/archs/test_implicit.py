"""The implicit representation: pixel centres, Eq. 3, the fused MLP against the plain one, and the effect of L."""

import math
from pathlib import Path

import pytest
import torch
from basicsr.utils import img2tensor
from torch import Tensor
from torch.nn import functional as F

from nerco_plugin.archs.blocks import ImplicitMLP, implicit, pixel_centres, positional_encoding


def plain(mlp: ImplicitMLP, feature: Tensor) -> Tensor:
    """Eq. 1 pixel by pixel: unfold, a coordinate map of the image's size, one Linear after the other."""
    batch, _, height, width = feature.shape
    neighbours = F.unfold(feature, 3, padding=1).transpose(1, 2)
    rows, columns = torch.meshgrid(
        *(pixel_centres(side, dtype=feature.dtype) for side in (height, width)), indexing="ij"
    )
    encoded = [positional_encoding(axis.flatten(), mlp.num_frequencies) for axis in (rows, columns)]
    position = torch.cat([encoded[0][:, :1], encoded[1][:, :1], encoded[0][:, 1:], encoded[1][:, 1:]], dim=1)
    if not mlp.use_position:
        position = torch.zeros_like(position)
    pixel_size = torch.full((height * width, 2), 2.0)
    position = torch.cat([position, pixel_size], dim=1).expand(batch, -1, -1).to(feature.dtype)
    weight = torch.cat([mlp.feature.weight.flatten(1), mlp.position.weight], dim=1)
    inner = F.relu(F.linear(torch.cat([neighbours, position], dim=2), weight, mlp.feature.bias))
    for layer in mlp.hidden:
        inner = F.relu(F.linear(inner, layer.weight.flatten(1), layer.bias))
    colours = F.linear(inner, mlp.colour.weight.flatten(1), mlp.colour.bias)
    return colours.transpose(1, 2).reshape(batch, -1, height, width)


def test_pixel_centres_are_centred_and_inside() -> None:
    assert pixel_centres(4).tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert pixel_centres(1).tolist() == [0.0]


def test_positional_encoding_by_hand() -> None:
    encoded = positional_encoding(torch.tensor([0.25]), num_frequencies=2)[0]
    root = math.sqrt(0.5)  # sin and cos of pi/4, then of pi/2
    torch.testing.assert_close(encoded, torch.tensor([0.25, root, 1.0, root, 0.0]), atol=1e-6, rtol=0)


@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 3e-5)])
def test_high_frequencies_are_encoded_as_exactly_as_the_coordinate(dtype: torch.dtype, tolerance: float) -> None:
    count, frequencies = 600, 8
    odd = 2 * torch.arange(count)[:, None] + 1  # a phase is a multiple of pi / count, taken modulo 2 pi in integers
    turns = (odd - count) * 2 ** torch.arange(frequencies) % (2 * count)
    phase = turns.double() / count * math.pi
    encoded = positional_encoding(pixel_centres(count, dtype=dtype), frequencies).double()
    torch.testing.assert_close(encoded[:, 1:], torch.cat([phase.sin(), phase.cos()], dim=1), rtol=0, atol=tolerance)


@pytest.mark.parametrize("use_position", [True, False])
@pytest.mark.parametrize("rows_in_a_strip", [1, 3, 100])
def test_the_fused_mlp_is_the_plain_one(
    use_position: bool, rows_in_a_strip: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(implicit, "STRIP_PIXELS", rows_in_a_strip * 9)
    mlp = ImplicitMLP(num_feat=5, hidden_dim=12, num_frequencies=3, use_position=use_position).double()
    feature = torch.rand(2, 5, 7, 9, dtype=torch.float64, requires_grad=True)
    fused, expected = mlp(feature), plain(mlp, feature)
    torch.testing.assert_close(fused, expected, rtol=1e-12, atol=1e-12)
    inputs = [feature, *mlp.parameters()]
    for ours, theirs in zip(
        torch.autograd.grad(fused.square().sum(), inputs),
        torch.autograd.grad(expected.square().sum(), inputs),
        strict=True,
    ):
        torch.testing.assert_close(ours, theirs, rtol=1e-6, atol=1e-6)


def test_no_images_give_no_images_and_no_pixels_are_refused() -> None:
    mlp = ImplicitMLP(num_feat=4, hidden_dim=8)
    empty = mlp(torch.rand(0, 4, 6, 7))
    assert empty.shape == (0, 3, 6, 7)
    empty.sum().backward()
    assert not mlp.colour.weight.grad.any()
    with torch.no_grad():
        assert mlp(torch.rand(0, 4, 6, 7)).shape == (0, 3, 6, 7)
    for height, width in ((6, 0), (0, 6)):
        with pytest.raises(ValueError, match=rf"sides of 1 or more, got \(1, 4, {height}, {width}\)"):
            mlp(torch.rand(1, 4, height, width))


def kept_bytes(mlp: ImplicitMLP, feature: Tensor) -> int:
    """Bytes that autograd keeps of one call, weights and the features aside."""
    storages = {}

    def note(tensor: Tensor) -> Tensor:
        if not isinstance(tensor, torch.nn.Parameter) and tensor.data_ptr() != feature.data_ptr():
            storages[tensor.data_ptr()] = tensor.untyped_storage().nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
        _ = mlp(feature)
    return sum(storages.values())


def test_what_training_keeps_does_not_grow_with_the_hidden_layers() -> None:
    mlp = ImplicitMLP(num_feat=4, hidden_dim=32)
    feature = torch.rand(1, 4, 128, 192, requires_grad=True)
    assert kept_bytes(mlp, feature) < 100_000  # positions of rows and columns; one hidden layer has 3 MB


def test_under_autocast_strips_give_the_whole_images_gradients(monkeypatch: pytest.MonkeyPatch) -> None:
    mlp = ImplicitMLP(num_feat=4, hidden_dim=16)
    feature, target = torch.rand(2, 4, 20, 24), torch.rand(2, 3, 20, 24)
    gradients = []
    for pixels in (10_000, 48):
        monkeypatch.setattr(implicit, "STRIP_PIXELS", pixels)
        mlp.zero_grad()
        with torch.autocast("cpu", torch.bfloat16):
            drawn = mlp(feature)
        assert drawn.dtype == torch.float32  # colours
        (drawn - target).square().sum().backward()
        assert {weight.grad.dtype for weight in mlp.parameters()} == {torch.float32}
        gradients.append(torch.cat([weight.grad.flatten() for weight in mlp.parameters()]))
    whole, in_strips = gradients
    assert (whole - in_strips).norm() < 0.01 * whole.norm()  # bfloat16 has three digits


def test_without_position_its_weights_get_a_gradient_of_zero() -> None:
    mlp = ImplicitMLP(num_feat=4, hidden_dim=8, use_position=False)
    mlp(torch.rand(1, 4, 6, 6)).sum().backward()
    assert mlp.position.weight.grad is not None
    assert not mlp.position.weight.grad[:, :-2].any()


def test_more_frequencies_fit_a_photograph_more_closely(nerco_data: Path) -> None:
    """Sec. 3.2, "a bigger L results in a more precise fit": with constant features, only the position tells."""
    import cv2

    photograph = cv2.imread(str(nerco_data / "lol/eval15/high/22.png"))
    target = img2tensor(cv2.resize(photograph, (96, 64), interpolation=cv2.INTER_AREA))[None] / 255
    feature = torch.ones(1, 1, 64, 96)
    errors = []
    for num_frequencies in (0, 2, 4, 8):
        torch.manual_seed(0)
        mlp = ImplicitMLP(num_feat=1, hidden_dim=64, num_frequencies=num_frequencies)
        optimizer = torch.optim.Adam(mlp.parameters(), lr=3e-3)
        losses = []
        for _ in range(200):
            loss = (mlp(feature) - target).abs().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
        errors.append(sum(losses[-20:]) / 20)
    assert errors[0] > errors[1] > errors[2] > errors[3], errors
