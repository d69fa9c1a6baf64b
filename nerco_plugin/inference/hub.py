"""Weights by name: this package's own, or the Hugging Face hub's, from the cache first; checked by their SHA-256."""

import hashlib
import re
from pathlib import Path

from nerco_plugin.inference.packaged import DEFAULT, WeightsMissingError, packaged_weights

TIMEOUT_S = 5.0
FILE = "model.safetensors"
_NAME = re.compile(r"(?P<repository>[\w.-]+/[\w.-]+?)(@(?P<revision>[\w./-]+))?(:(?P<file>[\w./-]+))?")
_FILES = (".pth", ".pt", ".ckpt", ".safetensors", ".onnx", ".pt2")  # a name of the hub would not end so
_SHA256 = re.compile(r"[0-9a-f]{64}")


def find_weights(source: str | Path) -> Path:
    """The file of weights that ``source`` names.

    Args:
        source: ``nerco_small``, the packaged weights; a path; or, where there is no such file,
            ``OWNER/NAME[@REVISION][:FILE]`` on the hub, whose FILE is model.safetensors unless said.
            ``HF_HUB_OFFLINE=1`` keeps to the cache.

    Raises:
        WeightsMissingError: neither a file nor to be had, within seconds also without a network; or a file that is
            not what the hub promised.
    """
    source = source.as_posix() if isinstance(source, Path) else source
    if source == DEFAULT:
        return packaged_weights()
    path = Path(source).expanduser()
    name = _NAME.fullmatch(source)
    if path.is_file():
        return path
    is_path = path.suffix in _FILES and ":" not in source
    if path.exists() or is_path or not name:
        raise WeightsMissingError(
            f"weights: no such file: {source}; expected {DEFAULT}, a .safetensors, a .pth, or OWNER/NAME on the hub"
        )
    found = _from_hub(name["repository"], name["revision"], name["file"] or FILE)
    _check_hash(found)
    return found


def _from_hub(repository: str, revision: str | None, file: str) -> Path:
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url, try_to_load_from_cache
    from huggingface_hub.constants import HF_HUB_CACHE
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, HTTPError, OfflineModeIsEnabled

    try:
        cached = try_to_load_from_cache(repository, file, revision=revision)
        if isinstance(cached, str):
            return Path(cached)
        # asks once: the download itself would try again and again for half a minute
        get_hf_file_metadata(hf_hub_url(repository, file, revision=revision), timeout=TIMEOUT_S)
        return Path(hf_hub_download(repository, file, revision=revision))
    except (OSError, HTTPError, HfHubHTTPError, HFValidationError) as error:
        is_offline = isinstance(error, OfflineModeIsEnabled)  # whose text advises to unset what the doctor has set
        reason = "it was not looked for (HF_HUB_OFFLINE)" if is_offline else f"it could not be downloaded: {error}"
        chosen = f" --revision {revision}" if revision else ""
        raise WeightsMissingError(
            f"weights: no file {repository}, nor is {file} of the hub's {repository}{chosen} in the cache "
            f"{HF_HUB_CACHE}, and {reason}\n"
            f"On a machine with a network: hf download {repository} {file}{chosen} --local-dir weights\n"
            f"then copy it here and name weights/{file}"
        ) from error


def _check_hash(found: Path) -> None:
    """The cache calls a large file by the SHA-256 that the hub published, and links to it."""
    promised = found.resolve().name
    if not _SHA256.fullmatch(promised):
        return  # a small file, which the hub knows by another kind of hash
    actual = hashlib.sha256(found.read_bytes()).hexdigest()
    if actual != promised:
        raise WeightsMissingError(
            f"weights: {found} is damaged: SHA-256 {actual}, the hub says {promised}; remove it to download it anew"
        )
