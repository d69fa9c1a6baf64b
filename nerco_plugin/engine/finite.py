"""Watches the loss terms on their device and stops a run whose loss is NaN or infinite, naming the term."""

from collections.abc import Mapping

import torch
from torch import Tensor

from nerco_plugin.models.mended import NonFiniteError

LEAST_SCALE = 1e-4  # thirty steps skipped on end, from 2^16


class FiniteWatch:
    """Remembers, on the device, the first iteration at which each term was not finite; :meth:`check` looks at it.

    Args:
        scaler: of the gradients in fp16, a GradScaler, or anything. It skips a step whose gradients are not finite,
            while the terms may be.
    """

    def __init__(self, scaler: object = None) -> None:
        self.scaler = scaler
        self.names: tuple[str, ...] = ()
        self.first: Tensor | None = None

    def note(self, terms: Mapping[str, Tensor], iteration: int) -> None:
        """Look at the terms of ``iteration`` without waiting for them. Raises NonFiniteError as :meth:`check`."""
        if not terms:
            return
        if self.names != tuple(terms):  # a new phase of training has other terms
            self.check()
            self.names, self.first = tuple(terms), None
        values = torch.stack([torch.as_tensor(value).detach().float().mean() for value in terms.values()])
        first = torch.zeros_like(values) if self.first is None else self.first
        self.first = torch.where((first == 0) & ~torch.isfinite(values), iteration, first)

    def check(self) -> None:
        """Raise NonFiniteError if a term was not finite since the last check, or no step was taken for long.

        Waits for the device.
        """
        first = [] if self.first is None else self.first.tolist()
        bad = {name: int(iteration) for name, iteration in zip(self.names, first) if iteration}
        if bad:
            iteration = min(bad.values())
            terms = ", ".join(name for name in bad if bad[name] == iteration)
            raise NonFiniteError(
                f"iteration {iteration}: {terms} not finite (NaN or infinite); nothing was saved since"
            )
        if isinstance(self.scaler, torch.amp.GradScaler) and (scale := self.scaler.get_scale()) < LEAST_SCALE:
            raise NonFiniteError(
                f"gradients in fp16 were not finite for so many steps that their scale fell to {scale:.2g}, "
                "and none of these steps was taken; train:amp: bf16 has float32's range"
            )
