"""The released networks' contract: keys, shapes and outputs for a fixed filling of the weights."""

import json
import os
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

OFFICIAL = Path(os.environ.get("NERCO_OFFICIAL", Path(__file__).resolve().parents[2] / "shared" / "official"))


class Released:
    """Weights and expected outputs of the released networks."""

    def __init__(self, folder: Path) -> None:
        self.contract = json.loads((folder / "contract.json").read_text())
        self.losses = json.loads((folder / "contract_losses.json").read_text())["values"]
        self.outputs = {
            name: torch.from_numpy(array) for name, array in np.load(folder / "contract_outputs.npz").items()
        }

    def state(self, net: str) -> dict[str, Tensor]:
        """The filled state_dict of one released network, by the contract's recipe."""
        recipe = self.contract["fill_recipe"]
        state = {}
        for key, shape in self.contract["nets"][net]["state_dict"].items():
            scale = np.float32(recipe["overrides"].get(f"{net}.{key}", recipe["default_scale"]))
            rng = np.random.default_rng(zlib.crc32(f"{net}.{key}".encode()))
            state[key] = torch.from_numpy(rng.standard_normal(shape).astype("float32") * scale)
        return state


def load_released() -> Released:
    """The contract; skips the test where it is absent."""
    if not (OFFICIAL / "contract.json").is_file():
        pytest.skip(f"the released networks' contract is not at {OFFICIAL}; set NERCO_OFFICIAL to its folder")
    return Released(OFFICIAL)
