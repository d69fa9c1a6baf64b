"""A narrow NeRCoModel with every term of the paper, for tests."""

from copy import deepcopy
from typing import Any

from basicsr.models import build_model

from nerco_plugin.models.nerco_model import NeRCoModel

CRITIC = {"type": "ColorDiscriminator", "num_feat": 4}
EDGE_CRITIC = {"type": "EdgeDiscriminator", "num_feat": 4}
ADAM = {"type": "Adam", "lr": 1e-3, "betas": [0.5, 0.999]}


def small_options(**train: Any) -> dict[str, Any]:
    """Options of a whole NeRCo, eight features wide; ``train`` adds to or, with None, takes from ``train``."""
    gan = {"type": "GANLoss", "gan_type": "lsgan"}
    terms: dict[str, Any] = {
        "total_iter": 10,
        "optim_g": ADAM,
        "optim_d": ADAM,
        "scheduler": {"type": "LinearDecayLR", "total_iter": 10, "decay_start": 5},
        "image_pool_size": 3,
        "nr_opt": {"type": "NRLoss", "loss_weight": 40.0},
        "cycle_opt": {"type": "CycleConsistencyLoss", "loss_weight": 10.0},
        "identity_opt": {"type": "IdentityLoss", "loss_weight": 5.0},
        "gan_opt": {**gan, "loss_weight": 1.0},
        "gan_edge_opt": {**gan, "loss_weight": 0.5},
        "cooperative_opt": {"type": "CooperativeLoss", "loss_weight": 0.5},
        **train,
    }
    return deepcopy(
        {
            "is_train": True,
            "num_gpu": 0,
            "dist": False,
            "rank": 0,
            "world_size": 1,
            "path": {},
            "network_g": {"type": "NeRCo", "num_feat": 8, "num_block": 1, "num_mask_block": 1, "hidden_dim": 16},
            "network_degrade": {"type": "ResnetGenerator", "num_feat": 8, "num_block": 1},
            "network_d_high": CRITIC,
            "network_d_low": CRITIC,
            "network_d_edge_high": EDGE_CRITIC,
            "network_d_edge_low": EDGE_CRITIC,
            "train": {name: value for name, value in terms.items() if value is not None},
            "model_type": "NeRCoModel",
        }
    )


def small_model(options: dict[str, Any] | None = None, **train: Any) -> NeRCoModel:
    """The model of ``options``, or of :func:`small_options` with ``train``."""
    return build_model(options or small_options(**train))
