"""The place that a launcher gives to a process, and an error that ends processes which wait for each other."""

import multiprocessing
import os
import socket
import time
from collections.abc import Callable
from types import SimpleNamespace

import pytest
import torch

from nerco_plugin.engine import distributed
from nerco_plugin.engine.options import OptionError
from nerco_plugin.engine.replicas import ReplicaError, check_replicas
from nerco_plugin.engine.validation import sync_buffers
from nerco_plugin.models.state_file import CheckpointError


@pytest.mark.parametrize(
    ("nodes", "first"),
    [
        ("localhost", "localhost"),
        ("gpu[003-005,7],b1", "gpu003"),
        ("b1,gpu[1-2]", "b1"),
        ("rack-2-node-07", "rack-2-node-07"),
        ("a[9-10]-ib", "a9-ib"),
    ],
)
def test_first_node(nodes: str, first: str) -> None:
    assert distributed.first_node(nodes) == first


def test_places(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "TORCHELASTIC_RUN_ID"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    assert distributed.find_place("none") == (0, 1, 0, False)
    with pytest.raises(OptionError, match="RANK"):
        distributed.find_place("pytorch")
    monkeypatch.setenv("RANK", "5")
    monkeypatch.setenv("WORLD_SIZE", "8")
    assert distributed.find_place("pytorch", local_rank=3) == (5, 8, 3, False)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert distributed.find_place("pytorch", local_rank=3) == (5, 8, 1, False)
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    with pytest.raises(OptionError, match="--launcher pytorch"):
        distributed.find_place("none")
    for name, value in {"PROCID": 9, "NTASKS": 16, "LOCALID": 1, "NODELIST": "n[1-8]"}.items():
        monkeypatch.setenv(f"SLURM_{name}", str(value))
    assert distributed.find_place("slurm") == (9, 16, 1, True)
    assert os.environ["MASTER_ADDR"] == "n1"


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_no_device_for_this_process() -> None:
    with pytest.raises(OptionError, match="0 are visible"):
        distributed.select_device(local_rank=0)


def test_the_only_device_is_everyones_under_slurm_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_LOCALID", "1")  # torchrun may run within a step of Slurm's
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_device", chosen := [].append)
    distributed.select_device(local_rank=1, slurm=True)
    assert chosen.__self__ == [0]
    with pytest.raises(OptionError, match="needs CUDA device 1, and 1 are visible"):
        distributed.select_device(local_rank=1)


def test_a_device_that_cannot_be_used_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(index: int) -> None:
        raise RuntimeError("The NVIDIA driver on your system is too old\nUpdate it")

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "set_device", refuse)
    with pytest.raises(OptionError, match=r"CUDA device 0: The NVIDIA driver .* too old \(num_gpu: 0 uses the CPU\)"):
        distributed.select_device(local_rank=0)


def wait_or_fail(rank: int, port: int) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    opt = {"num_gpu": 0, "dist": True, "dist_params": {"timeout": 60}}
    with distributed.process_group(distributed.Place(rank, 2, rank), opt):
        if rank == 1:
            raise CheckpointError("the disk is full")
        time.sleep(600)


def keep_equal(rank: int, port: int) -> None:
    os.environ.update(MASTER_ADDR="127.0.0.1", MASTER_PORT=str(port))
    with distributed.process_group(distributed.Place(rank, 2, rank), {"num_gpu": 0, "dist": True}):
        model = SimpleNamespace(net_g=torch.nn.BatchNorm2d(3), net_d=torch.nn.Linear(1, 1, bias=False))
        model.net_g.running_mean += rank
        sync_buffers(model)
        assert model.net_g.running_mean.sum() == 0

        model.net_d.weight.data.fill_(1)
        check_replicas(model, iteration=1)
        model.net_d.weight.data += rank * 1e-7
        with pytest.raises(ReplicaError, match=r"iteration 2: net_d of process \[1\] differs"):
            check_replicas(model, iteration=2)
        assert distributed.gather(rank) == [0, 1]


def exit_codes_of_two(work: Callable[[int, int], None]) -> list[int | None]:
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["nerco_plugin.engine.train", "nerco_plugin.engine.errors"])
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    pair = [context.Process(target=work, args=(rank, port)) for rank in range(2)]
    for process in pair:
        process.start()
    for process in pair:
        process.join(timeout=240)
    return [process.exitcode for process in pair]


def test_an_error_ends_a_process_that_is_not_listening() -> None:
    assert exit_codes_of_two(wait_or_fail) == [1, 1]


def test_buffers_are_made_equal_and_parameters_compared() -> None:
    assert exit_codes_of_two(keep_equal) == [0, 0]
