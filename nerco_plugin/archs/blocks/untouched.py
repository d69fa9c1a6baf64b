"""Whether layers are as they were built and nobody listens to them: only then may others read their weights instead.

Strips and Winograd's convolutions do not call the layers whose work they do. A hook would not be heard there, and what
spectral_norm and its like do before a call would not be done; so such layers, and others in their place, are called.
"""

from torch import nn

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")

Form = list[tuple[type[nn.Module], str]]


def form_of(network: nn.Module) -> Form:
    """The class and the settings of every module of a network, to be kept when it is built."""
    return [(type(module), module.extra_repr()) for module in network.modules()]


def is_untouched(network: nn.Module, form: Form) -> bool:
    """Whether a network has the ``form`` that it was built in, and none of its parts has hooks or a new ``forward``.

    Its own hooks do not count, for it is being called.
    """
    _, *parts = network.modules()
    return not any(_is_watched(part) for part in parts) and form_of(network) == form


def is_plain(layer: nn.Conv2d) -> bool:
    """Whether calling a convolution is no more than F.conv2d of its input, weight, bias and stride."""
    return (
        type(layer) is nn.Conv2d
        and not _is_watched(layer)
        and (layer.groups, layer.padding, layer.dilation) == (1, (0, 0), (1, 1))
    )


def _is_watched(module: nn.Module) -> bool:
    return "forward" in vars(module) or any(getattr(module, hooks) for hooks in HOOKS)
