"""The options that all models and data sets have in common, by block, with their types: BasicSR's, and the engine's."""

from typing import Annotated, Any, Literal

from msgspec import Meta

from nerco_plugin.engine.options_signature import Argument

Count = Annotated[int, Meta(ge=1, le=2**53)]
Index = Annotated[int, Meta(ge=0, le=2**53)]
Seed = Annotated[int, Meta(ge=0, lt=2**32)]  # what numpy takes
Text = Annotated[str, Meta(min_length=1)]
Mapping = dict[str, Any]


def _optional(types: dict[str, Any], required: tuple[str, ...] = ()) -> dict[str, Argument]:
    return {name: Argument(kind) if name in required else Argument(kind, None) for name, kind in types.items()}


TOP = _optional(
    {
        "name": Text,
        "model_type": Text,
        "scale": Annotated[float, Meta(gt=0)],
        "num_gpu": Index | Literal["auto"],
        "manual_seed": Seed,
        "find_unused_parameters": bool,
        "datasets": Mapping,
        "path": Mapping,
        "train": Mapping,
        "val": Mapping,
        "logger": Mapping,
        "dist_params": Mapping,
    },
    required=("name", "model_type", "datasets"),
)

BLOCKS = tuple(name for name, argument in TOP.items() if argument.annotation is Mapping)

PATH = _optional({"resume_state": Text, "ignore_resume_networks": str | list[str], "experiments_root": Text})
PATH_OF_NETWORK = _optional({"pretrain_network_": Text, "strict_load_": bool, "param_key_": Text})

TRAIN = _optional(
    {
        "total_iter": Count,
        "warmup_iter": Annotated[int, Meta(ge=-1)],
        "ema_decay": Annotated[float, Meta(ge=0, lt=1)],
        "scheduler": Mapping,
    },
    required=("total_iter",),
)

PaperTable = Literal["LOL", "LSRW", "LIME", "ablation"]
VAL = _optional(
    {
        "val_freq": Count,
        "save_img": bool,
        "suffix": Text,
        "pbar": bool,
        "metrics": dict[str, Mapping | None],
        "paper_table": PaperTable | dict[str, PaperTable],  # under which a test's row stands, or by a data set's name
    }
)

LOGGER = _optional(
    {
        "print_freq": Count,
        "save_checkpoint_freq": Count,
        "keep_last": Count,
        "keep_best": Index,
        "use_tb_logger": bool,
        "wandb": Mapping,
    }
)
WANDB = _optional({"project": Text, "resume_id": Text})

DIST_PARAMS = _optional(
    {
        "backend": Literal["nccl", "gloo"],
        "port": Annotated[int, Meta(ge=1, le=65535)],
        "timeout": Annotated[float, Meta(gt=0)],  # seconds
        "check_replicas_freq": Count,
    }
)

DATA_SET = _optional(
    {
        "name": Text,
        "type": Text,
        "phase": Text,
        "scale": Annotated[float, Meta(gt=0)],
        "io_backend": Mapping,
        "batch_size_per_gpu": Count,
        "num_worker_per_gpu": Index,
        "dataset_enlarge_ratio": Annotated[float, Meta(gt=0)],
        "prefetch_mode": Literal["cpu", "cuda"],
        "num_prefetch_queue": Count,
        "pin_memory": bool,
        "persistent_workers": bool,
        "use_shuffle": bool,
        "mean": list[float],
        "std": list[float],
    }
)


def belongs_to(key: str) -> str:
    """``; it belongs under 'val'`` for a key of a common block that was written elsewhere; else nothing."""
    blocks = {"path": PATH, "train": TRAIN, "val": VAL, "logger": LOGGER, "dist_params": DIST_PARAMS}
    homes = [name for name, table in blocks.items() if key in table]
    return f"; it belongs under {homes[0]!r}" if homes else ""
