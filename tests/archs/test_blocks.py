"""Blocks in a network of plain torch, without options, registries or anything else of this project."""

import ast
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nerco_plugin.archs import blocks

STANDARD = (
    "collections",
    "contextlib",
    "contextvars",
    "functools",
    "math",
    "pathlib",
    "platform",
    "threading",
    "typing",
)
ALLOWED = ("torch", "nerco_plugin.archs.blocks", "nerco_plugin.allocator", *STANDARD)  # which is ctypes alone


class Toy(nn.Module):
    """Every block once: features, attention, edges, and an image drawn from features and positions."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = blocks.ResnetTrunk(num_in_ch=3, num_feat=8, num_block=1, num_down=1)
        self.block = blocks.ResnetBlock(8)
        self.channel = blocks.ChannelAttention(8)
        self.spatial = blocks.SpatialAttention(kernel_size=3)
        self.down = nn.Conv2d(8, 16, 2, stride=2)
        self.up = blocks.Upsample(16, "resize")
        self.head = blocks.ImageHead(8, 3)
        self.mlp = blocks.ImplicitMLP(num_feat=8, hidden_dim=8, num_frequencies=2)

    def forward(self, image: Tensor) -> Tensor:
        return blocks.at_any_size(self.fitting, image, multiple=2)

    def fitting(self, image: Tensor) -> Tensor:
        feature = self.block(self.trunk(image))
        feature = feature * self.channel(feature)
        feature = feature * self.spatial(F.pad(feature, (1, 1, 1, 1)))
        feature = self.up(self.down(feature))
        return self.head(feature) + self.mlp(feature) + blocks.high_pass(image)


def test_a_network_of_blocks_learns_an_image() -> None:
    network, image = Toy(), torch.rand(2, 3, 13, 18)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(30):
        loss = (network(image) - image).abs().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.7 * losses[0]
    assert all(parameter.grad is not None for parameter in network.parameters())


def test_coordinates_and_their_encoding_stand_alone() -> None:
    centres = blocks.pixel_centres(4)
    assert centres.tolist() == [-0.75, -0.25, 0.25, 0.75]
    assert blocks.positional_encoding(centres, num_frequencies=3).shape == (4, 7)


def test_blocks_import_nothing_but_torch_and_each_other() -> None:
    for path in Path(blocks.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                assert any(name == one or name.startswith(f"{one}.") for one in ALLOWED), f"{path.name}: {name}"


def test_an_image_without_a_batch_is_refused_by_its_shape() -> None:
    with pytest.raises(ValueError, match=r"expected images \(N, C, H, W\), got shape \(3, 16, 16\)"):
        Toy()(torch.rand(3, 16, 16))
