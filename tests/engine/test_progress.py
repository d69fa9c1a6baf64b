"""What a run shows: a bar on a terminal, TensorBoard on demand, and a bad loss by its name."""

import io
import os
import pty
import re
from pathlib import Path

import pytest
import torch
from tiny_run import Project

from nerco_plugin.engine.finite import FiniteWatch
from nerco_plugin.engine.progress import bar
from nerco_plugin.models.mended import NonFiniteError


def test_bar_is_shown_by_the_first_process_on_a_terminal_only() -> None:
    pipe = io.StringIO()
    shown = []
    for rank in (0, 1):
        screen, keyboard = pty.openpty()  # a terminal that tells no size, as under many job systems
        with os.fdopen(keyboard, "w") as terminal:
            for file in (terminal, pipe):
                for _ in bar(rank, iterable=range(3), file=file, desc="train"):
                    pass
            terminal.write("end")
        shown.append("")
        while not shown[-1].endswith("end"):
            shown[-1] += os.read(screen, 4096).decode()
        os.close(screen)
    assert "train: 100%" in shown[0]
    assert shown[1] == "end"
    assert pipe.getvalue() == ""


def test_bad_terms_are_named_with_their_first_iteration() -> None:
    watch = FiniteWatch()
    watch.note({"l_a": torch.tensor(1.0), "l_b": torch.tensor(2.0)}, 1)
    watch.check()
    watch.note({"l_a": torch.tensor(1.0), "l_b": torch.tensor(float("nan"))}, 2)
    watch.note({"l_a": torch.tensor(float("inf")), "l_b": torch.tensor(float("nan"))}, 3)
    with pytest.raises(NonFiniteError, match="iteration 2: l_b not finite"):
        watch.note({"l_c": torch.tensor(0.0)}, 4)  # another phase of training


def test_steps_that_are_never_taken_in_fp16_are_told() -> None:
    weight = torch.ones(1, requires_grad=True)
    optimizer = torch.optim.SGD([weight], lr=1.0)
    scaler = torch.amp.GradScaler("cpu", init_scale=1e-3)
    watch = FiniteWatch(scaler)
    for _ in range(4):
        watch.check()
        scaler.scale(weight.sum()).backward()
        weight.grad.fill_(float("inf"))
        scaler.step(optimizer)
        scaler.update()
    with pytest.raises(NonFiniteError, match="gradients in fp16 were not finite .* 6.3e-05"):
        watch.check()
    assert weight.item() == 1.0


def test_tensorboard_on_demand(tmp_path: Path) -> None:
    events = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    project = Project(tmp_path)
    project.train(project.paired, "silent")
    assert not (tmp_path / "tb_logger").exists()
    project.train(project.paired, "curves", "logger:use_tb_logger=true")
    found = events.EventAccumulator(str(tmp_path / "tb_logger" / "curves")).Reload()
    assert [event.step for event in found.Scalars("losses/l_pix")] == list(range(1, 13))
    scores = {event.step: event.value for event in found.Scalars("metrics/held_back/psnr")}
    said = re.findall(r"psnr: ([\d.]+)", project.log("curves"))
    assert [f"{scores[step]:.4f}" for step in (4, 8, 12)] == said
