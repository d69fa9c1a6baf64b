"""CAM (Sec. 3.4) inside any registered network: one of its feature maps, weighted pixel by pixel."""

from typing import Any

from basicsr.utils.registry import ARCH_REGISTRY
from torch import Tensor, nn

from nerco_plugin.archs.cam_arch import CAM
from nerco_plugin.archs.foreign import ForeignNetwork


class AttendedModule(nn.Module):
    """A module with CAM on its output: I_A x feature."""

    def __init__(self, module: nn.Module, cam: CAM) -> None:
        super().__init__()
        self.module = module
        self.cam = cam

    def forward(self, feature: Tensor) -> Tensor:
        """Whatever the module takes, to its feature map (N, C, H, W), attended; H and W above 3."""
        result = self.module(feature)
        return self.cam(result) * result


@ARCH_REGISTRY.register()
class AttendedNetwork(nn.Module):
    """A registered network in which the output of one module is multiplied by its attention map.

    Args:
        network: the network, ``{type: RRDBNet, ...}``; any registered one that keeps the size.
        at: the module's name in the network, with dots as in its state_dict (``conv_body`` of RRDBNet, ``body.3``).
        num_feat: channels of that module's output.
        channel_sigmoid: see :class:`~nerco_plugin.archs.cam_arch.CAM`.

    Raises:
        ValueError: a block that names no registered network, or a network without such a module.
    """

    def __init__(self, network: dict[str, Any], at: str, num_feat: int, channel_sigmoid: bool = False) -> None:
        super().__init__()
        self.network = ForeignNetwork(network, key="network")
        inner = self.network.network
        if at not in dict(inner.named_modules()) or not at:
            names = ", ".join(name for name, _ in inner.named_children())
            raise ValueError(f"at: {network['type']} has no module {at!r}; its modules are {names}")
        around, _, name = at.rpartition(".")
        attended = AttendedModule(inner.get_submodule(at), CAM(num_feat, channel_sigmoid=channel_sigmoid))
        setattr(inner.get_submodule(around), name, attended)

    def forward(self, image: Tensor) -> Tensor:
        """(N, C, H, W), any H and W, to (N, D, H, W), both in the network's own ranges."""
        return self.network(image)
