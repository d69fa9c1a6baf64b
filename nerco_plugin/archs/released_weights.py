"""Renames the released networks' weights into ours: pure functions from state_dict to state_dict, strict both ways.

The released names are G_A = G_H, G_B = G_L, Pre = NRN, H = mask extractor, D_A = D_H, D_B = D_L.
"""

from collections.abc import Mapping

from torch import Tensor

State = dict[str, Tensor]
Names = dict[str, str]
NEIGHBOURHOOD = 9  # the released MLP sees each feature of a 3x3 neighbourhood as an input of its own


class ReleasedWeightsError(ValueError):
    """A released state_dict has a key that its network does not have, or lacks one; the message names it."""


def convert_generator(state: Mapping[str, Tensor]) -> State:
    """G_A or G_B to :class:`~nerco_plugin.archs.generator_arch.ResnetGenerator`."""
    num_block = _count_blocks(state)
    places = {**_trunk_places("trunk", num_block), f"model.{num_block + 17}": "head.1"}
    return _renamed(state, _weights_and_biases(places))


def convert_nrn(state: Mapping[str, Tensor]) -> State:
    """Pre to :class:`~nerco_plugin.archs.nrn_arch.NRN`: the unfolded MLP becomes convolutions."""
    layers = sorted({int(key.split(".")[3]) for key in state if key.startswith("mlp.imnet.layers.")})
    ours = ["mlp.feature", *(f"mlp.hidden.{index}" for index in range(len(layers) - 2)), "mlp.colour"]
    places = {f"mlp.imnet.layers.{layer}": name for layer, name in zip(layers, ours)}
    renamed = _renamed(state, _weights_and_biases({**_trunk_places("encoder", _count_blocks(state)), **places}))
    for name in ours[1:]:
        renamed[f"{name}.weight"] = renamed[f"{name}.weight"][:, :, None, None]
    num_feat = renamed["encoder.1.weight"].shape[0]
    feature, position = renamed["mlp.feature.weight"].tensor_split([num_feat * NEIGHBOURHOOD], dim=1)
    renamed["mlp.feature.weight"] = feature.reshape(len(feature), num_feat, 3, 3).clone()
    renamed["mlp.position.weight"] = position.clone()
    return renamed


def convert_mask_extractor(state: Mapping[str, Tensor]) -> State:
    """H to :class:`~nerco_plugin.archs.cam_arch.MaskExtractor`."""
    places = {"model.1": "trunk.1", "output": "lightness.1", **_block_places("trunk", 4, _count_blocks(state))}
    attention = {
        "fc1.weight": "cam.channel.squeeze.weight",
        "fc2.weight": "cam.channel.excite.weight",
        "conv_ca.weight": "cam.channel.merge.weight",
        "conv1.weight": "cam.spatial.conv.weight",
    }
    return _renamed(state, {**_weights_and_biases(places), **attention})


def convert_discriminator(state: Mapping[str, Tensor]) -> State:
    """D_A, D_B or an edge one to :class:`~nerco_plugin.archs.discriminator_arch.ColorDiscriminator`: same names."""
    return _renamed(state, _weights_and_biases({f"model.{place}": f"model.{place}" for place in (0, 2, 5, 8, 11)}))


def convert_nerco(generator: State, nrn: State, mask_extractor: State) -> State:
    """Converted G_A, Pre and H as one state_dict of :class:`~nerco_plugin.archs.nerco_arch.NeRCo`."""
    parts = {"generator": generator, "nrn": nrn, "mask_extractor": mask_extractor}
    return {f"{part}.{key}": value for part, state in parts.items() for key, value in state.items()}


def _count_blocks(state: Mapping[str, Tensor]) -> int:
    return len({key.split(".")[1] for key in state if ".conv_block." in key})


def _trunk_places(trunk: str, num_block: int) -> Names:
    """Released modules of a trunk and ours; an upsampling takes three places there and one here."""
    after = 10 + num_block
    places = {f"model.{place}": f"{trunk}.{place}" for place in (1, 4, 7)}
    places |= {f"model.{after}": f"{trunk}.{after}.0", f"model.{after + 3}": f"{trunk}.{after + 1}.0"}
    return places | _block_places(trunk, 10, num_block)


def _block_places(trunk: str, first: int, num_block: int) -> Names:
    return {
        f"model.{place}.conv_block.{released}": f"{trunk}.{place}.{ours}"
        for place in range(first, first + num_block)
        for released, ours in ((1, "conv1"), (5, "conv2"))
    }


def _weights_and_biases(places: Names) -> Names:
    return {f"{there}.{kind}": f"{here}.{kind}" for there, here in places.items() for kind in ("weight", "bias")}


def _renamed(state: Mapping[str, Tensor], names: Names) -> State:
    faults = [f"unknown: {key}" for key in state if key not in names]
    faults += [f"missing: {key}" for key in names if key not in state]
    if faults:
        raise ReleasedWeightsError(f"not the weights of this released network ({'; '.join(sorted(faults))})")
    return {names[key]: value.detach().clone() for key, value in state.items()}
