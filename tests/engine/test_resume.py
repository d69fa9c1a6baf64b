"""What a checkpoint does not hold, since its run had other options, begins anew: it neither fails nor stays random."""

from pathlib import Path

import pytest
import torch

from nerco_plugin.engine.resume import restore_network
from nerco_plugin.models.state_file import CheckpointError
from tests.models.small_model import small_model


def test_a_moving_average_that_the_run_did_not_have(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = small_model(ema_decay=0.9)
    trained = {name: value + 1 for name, value in model.net_g.state_dict().items()}
    torch.save({"params": trained, "metadata": {}}, tmp_path / "net_g_5.pth")
    restore_network(model, tmp_path / "net_g_5.pth", label="net_g")
    for network in (model.net_g, model.net_g_ema):
        assert all(torch.equal(value, trained[name]) for name, value in network.state_dict().items())
    assert "has no moving average" in caplog.text


def test_a_network_that_these_options_do_not_build(tmp_path: Path) -> None:
    model = small_model()
    torch.save({"params": model.net_g.state_dict(), "params_ema": {}}, tmp_path / "net_g_5.pth")
    with pytest.raises(CheckpointError, match="holds 'net_g_ema', which these options do not build"):
        restore_network(model, tmp_path / "net_g_5.pth", label="net_g")


def test_pools_and_a_scaler_that_the_run_did_not_have() -> None:
    before = small_model(pseudo_as_fake=False).get_extra_state()
    after = small_model(pseudo_as_fake=True, amp="fp16")
    after.set_extra_state(before)
    assert all(not pool.images for discriminator in after.discriminators for pool in discriminator.pools.values())
    assert after.scaler.is_enabled()
