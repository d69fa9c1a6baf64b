"""Where CLIP's weights come from: a tag of open_clip, a folder, or a file; and what to do where they are missing."""

from pathlib import Path
from typing import NamedTuple

TIMEOUT_S = 5.0
CONFIG_NAME = "open_clip_config.json"
WEIGHTS_NAMES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")


class ClipWeightsMissingError(FileNotFoundError):
    """CLIP's weights are not on this machine; the message says which ones, and how they get there."""


class ClipSource(NamedTuple):
    """What open_clip needs to build a model that is really trained."""

    name: str  # architecture, or "local-dir:FOLDER"
    file: str | None  # None: in the folder
    quick_gelu: bool  # activation that the weights were trained with, where ``name`` does not say it
    preprocess: dict[str, object]  # normalisation that the weights were trained with, likewise


def find_clip(model: str, pretrained: str, quick_gelu: bool | None) -> ClipSource:
    """Find weights for the architecture ``model``, on this machine first.

    Args:
        model: a name in ``open_clip.list_models()``; unused where ``pretrained`` is a folder, which has its own.
        pretrained: a tag of ``model``, downloaded once into the Hugging Face cache; or a folder with
            ``open_clip_config.json`` and weights, as the hub keeps it; or a file with weights.
        quick_gelu: activation of a file's weights; a tag and a folder say it themselves.

    Raises:
        ClipWeightsMissingError: the weights are nowhere; within seconds, also without a network.
        ValueError: unknown ``model``, or ``quick_gelu`` is missing or superfluous.
    """
    import open_clip  # takes seconds and is needed for training with this loss alone

    path = Path(pretrained).expanduser()
    tag = open_clip.get_pretrained_cfg(model, pretrained)
    if not tag and not path.is_dir():
        return _in_file(model, path, quick_gelu)
    if quick_gelu is not None:
        raise ValueError(f"quick_gelu: only for a file, expected None with pretrained {pretrained!r}, got {quick_gelu}")
    if not tag:
        return _in_folder(path)
    file = _of_tag(model, pretrained, repository_and_name=tag["hf_hub"])
    return ClipSource(model, str(file), bool(tag.get("quick_gelu")), {key: tag[key] for key in ("mean", "std")})


def _in_file(model: str, path: Path, quick_gelu: bool | None) -> ClipSource:
    import open_clip

    if model not in open_clip.list_models():
        raise ValueError(f"model: expected a name in open_clip.list_models(), got {model!r}")
    if not path.is_file():
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(model))
        raise ClipWeightsMissingError(f"pretrained: {str(path)!r} is no file or folder, nor a tag of {model} ({tags})")
    if quick_gelu is None and f"{model}-quickgelu" in open_clip.list_models():
        raise ValueError(
            f"quick_gelu: expected true or false, since the file {path} does not say with which activation {model} was"
            " trained: true for OpenAI's weights, false for LAION-2B and DataComp; or give their hub folder instead"
        )
    return ClipSource(model, str(path), bool(quick_gelu), {})


def _in_folder(folder: Path) -> ClipSource:
    if not (folder / CONFIG_NAME).is_file() or not any((folder / name).is_file() for name in WEIGHTS_NAMES):
        raise ClipWeightsMissingError(
            f"pretrained: expected {CONFIG_NAME} and {' or '.join(WEIGHTS_NAMES)} in the folder {folder}"
        )
    return ClipSource(f"local-dir:{folder}", None, False, {})


def _of_tag(model: str, tag: str, *, repository_and_name: str) -> Path:
    """The weights file of a tag: from the hub's cache, else downloaded. The name may be empty: the usual names."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.errors import EntryNotFoundError, HTTPError

    repository, _, file = repository_and_name.rpartition("/")
    names = (file,) if file else WEIGHTS_NAMES
    cached = [try_to_load_from_cache(repository, name) for name in names]
    for path in cached:
        if isinstance(path, str):
            return Path(path)
    try:
        for name in names:
            try:
                # asks once: the download itself would try again and again for half a minute
                get_hf_file_metadata(hf_hub_url(repository, name), timeout=TIMEOUT_S)
            except EntryNotFoundError:
                continue  # the hub answers, and has no such file
            return Path(hf_hub_download(repository, name))
    except (OSError, HTTPError) as error:
        raise ClipWeightsMissingError(_advice(model, tag, repository, names, str(error))) from error
    raise ClipWeightsMissingError(_advice(model, tag, repository, names, "the repository has no such file"))


def _advice(model: str, tag: str, repository: str, names: tuple[str, ...], reason: str) -> str:
    from huggingface_hub.constants import HF_HUB_CACHE

    files = " or ".join(names)
    return (
        f"CLIP weights {tag!r} of {model} ({files} of {repository}) are not on this machine"
        f" and could not be downloaded: {reason}\n"
        "Either, on a machine with a network:"
        f" hf download {repository} {names[0]} {CONFIG_NAME} --local-dir clip_weights\n"
        "  then copy the folder clip_weights here and set  pretrained: PATH/clip_weights  in the term,\n"
        f"or copy that machine's Hugging Face cache of {repository} to {HF_HUB_CACHE} (or where HF_HOME points),\n"
        "or leave the term out of the option file to train without CLIP."
    )
