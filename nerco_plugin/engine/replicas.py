"""Checks that the networks of all processes are still equal, bit by bit: what distributed training rests on."""

import hashlib
from typing import Any

from torch import nn

from nerco_plugin.engine.distributed import gather


class ReplicaError(RuntimeError):
    """Processes train different networks; the message says which network and where."""


def check_replicas(model: Any, iteration: int) -> None:
    """Compare a hash of the parameters of every ``model.net_*`` over all processes. All of them must call it.

    Raises:
        ReplicaError: they differ.
    """
    networks = {
        name: net for name, net in vars(model).items() if name.startswith("net_") and isinstance(net, nn.Module)
    }
    hashes = gather({name: parameter_hash(net) for name, net in networks.items()})
    for name in networks:
        differing = [rank for rank, own in enumerate(hashes) if own[name] != hashes[0][name]]
        if differing:
            raise ReplicaError(f"iteration {iteration}: {name} of process {differing} differs from that of process 0")


def parameter_hash(net: nn.Module) -> str:
    """Hash of all parameters in their order."""
    digest = hashlib.sha256()
    for parameter in net.parameters():
        digest.update(parameter.detach().cpu().contiguous().view(-1).numpy().tobytes())
    return digest.hexdigest()
