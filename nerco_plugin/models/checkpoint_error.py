"""The error of all checkpoints, apart from what needs torch: a command names it before it imports that."""


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be written or used; the message names the file."""
