"""Renames the released networks' weights into ours: pure functions from state_dict to state_dict, strict both ways.

The released names are G_A = G_H, G_B = G_L, Pre = NRN, H = mask extractor, D_A = D_H, D_B = D_L.
"""

import re
from collections.abc import Callable, Mapping

from torch import Tensor

State = dict[str, Tensor]
NEIGHBOURHOOD = 9  # the released MLP sees each feature of a 3x3 neighbourhood as an input of its own


class UnknownWeightsError(ValueError):
    """A released state_dict has a key that the network does not have, or lacks one."""


def rename_trunk(key: str, trunk: str, num_block: int) -> str | None:
    """Name of a released trunk's ``model.N...`` in our :class:`~nerco_plugin.archs.blocks.resnet.ResnetTrunk`."""
    after = 10 + num_block  # pad, c7s1, d128, d256 take 10 places, each upsampling 3 there and 1 here
    fixed = {1: "1", 4: "4", 7: "7", after: f"{after}.0", after + 3: f"{after + 1}.0"}
    if match := re.fullmatch(r"model\.(\d+)\.(weight|bias)", key):
        place = fixed.get(int(match[1]))
        return place and f"{trunk}.{place}.{match[2]}"
    return rename_block(key, trunk)


def rename_block(key: str, trunk: str) -> str | None:
    """Name of a released residual block's ``model.N.conv_block.{1,5}``."""
    if match := re.fullmatch(r"model\.(\d+)\.conv_block\.([15])\.(weight|bias)", key):
        return f"{trunk}.{match[1]}.conv{1 if match[2] == '1' else 2}.{match[3]}"
    return None


def count_blocks(state: Mapping[str, Tensor]) -> int:
    """Residual blocks in a released network."""
    return len({key.split(".")[1] for key in state if "conv_block" in key})


def convert_generator(state: Mapping[str, Tensor]) -> State:
    """G_A or G_B to :class:`~nerco_plugin.archs.generator_arch.ResnetGenerator`."""
    num_block = count_blocks(state)
    head = {f"model.{16 + num_block + 1}.{kind}": f"head.1.{kind}" for kind in ("weight", "bias")}
    return _renamed(state, lambda key: head.get(key) or rename_trunk(key, "trunk", num_block))


def convert_nrn(state: Mapping[str, Tensor]) -> State:
    """Pre to :class:`~nerco_plugin.archs.nrn_arch.NRN`: the unfolded MLP's first layer becomes a 3x3 convolution."""
    num_block = count_blocks(state)
    last = max((int(key.split(".")[3]) for key in state if key.startswith("mlp.imnet.layers.")), default=0)

    def rename(key: str) -> str | None:
        if not (match := re.fullmatch(r"mlp\.imnet\.layers\.(\d+)\.(weight|bias)", key)):
            return rename_trunk(key, "encoder", num_block)
        layer, kind = int(match[1]), match[2]
        names = {0: "mlp.feature", last: "mlp.colour"}
        return f"{names.get(layer, f'mlp.hidden.{layer // 2 - 1}')}.{kind}"

    renamed = _renamed(state, rename)
    for key in [key for key in renamed if key.startswith(("mlp.hidden", "mlp.colour")) and key.endswith("weight")]:
        renamed[key] = renamed[key][:, :, None, None]
    num_feat = renamed["encoder.1.weight"].shape[0]
    first = renamed["mlp.feature.weight"]
    renamed["mlp.feature.weight"] = first[:, : num_feat * NEIGHBOURHOOD].reshape(len(first), num_feat, 3, 3)
    renamed["mlp.position.weight"] = first[:, num_feat * NEIGHBOURHOOD :].clone()
    return renamed


def convert_mask_extractor(state: Mapping[str, Tensor]) -> State:
    """H to :class:`~nerco_plugin.archs.cam_arch.MaskExtractor`."""
    names = {
        "output.weight": "lightness.1.weight",
        "output.bias": "lightness.1.bias",
        "model.1.weight": "trunk.1.weight",
        "model.1.bias": "trunk.1.bias",
        "fc1.weight": "cam.channel.squeeze.weight",
        "fc2.weight": "cam.channel.excite.weight",
        "conv_ca.weight": "cam.channel.merge.weight",
        "conv1.weight": "cam.spatial.conv.weight",
    }
    return _renamed(state, lambda key: names.get(key) or rename_block(key, "trunk"))


def convert_discriminator(state: Mapping[str, Tensor]) -> State:
    """D_A, D_B or an edge one to :class:`~nerco_plugin.archs.discriminator_arch.ColorDiscriminator`: same names."""
    return _renamed(state, lambda key: key if re.fullmatch(r"model\.\d+\.(weight|bias)", key) else None)


def _renamed(state: Mapping[str, Tensor], rename: Callable[[str], str | None]) -> State:
    names = {key: rename(key) for key in state}
    if unknown := sorted(key for key, name in names.items() if name is None):
        raise UnknownWeightsError(f"unknown released weights: {', '.join(unknown)}")
    return {str(names[key]): value.detach().clone() for key, value in state.items()}


def convert_nerco(generator: State, nrn: State, mask_extractor: State) -> State:
    """Converted G_A, Pre and H as one state_dict of :class:`~nerco_plugin.archs.nerco_arch.NeRCo`."""
    parts = {"generator": generator, "nrn": nrn, "mask_extractor": mask_extractor}
    return {f"{part}.{key}": value for part, state in parts.items() for key, value in state.items()}
