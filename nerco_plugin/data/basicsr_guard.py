"""BasicSR's own paired and single data sets: checked before they are built, and mended afterwards."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from basicsr.utils import get_root_logger
from torch.utils.data import Dataset

from nerco_plugin.data.image_io import read_header
from nerco_plugin.data.image_list import is_image_name, list_folder
from nerco_plugin.data.lmdb_store import LmdbStore

SIDES = {"PairedImageDataset": ("gt", "lq"), "SingleImageDataset": ("lq",)}


class LmdbClient:
    """Stands in for BasicSR's ``FileClient``: missing keys are errors, any number of opens and processes, pickles."""

    def __init__(self, stores: Mapping[str, LmdbStore]) -> None:
        self.stores = stores

    def get(self, filepath: str, client_key: str) -> bytes:
        """Return the file's bytes; raises ``ImageReadError`` with the key and the LMDB where it is missing."""
        return self.stores[client_key].get(filepath)


def check_files(opt: Mapping[str, Any]) -> None:
    """Check what BasicSR's class would stumble over or pass in silence; other types than its two are left alone.

    It takes every file of a folder for an image, does not look into subfolders, and cuts a reference that is larger
    than its input, so that unequal pairs get a wrong score.

    Raises:
        FileNotFoundError, NotADirectoryError: a data root, or a file that is listed, is absent.
        ValueError: no images, files that are no images, a picture without its partner, or a pair of unequal sizes.
        ImageReadError: an image of a validation set whose header cannot be read.
    """
    sides = SIDES.get(opt["type"])
    if sides is None:
        return
    where = f"data set '{opt.get('name')}' ({opt['type']})"
    for side in sides:
        if not opt.get(f"dataroot_{side}"):
            raise ValueError(f"{where}: dataroot_{side} is missing")
    roots = {side: Path(opt[f"dataroot_{side}"]) for side in sides}
    if opt["io_backend"]["type"] == "lmdb":
        _check_same_names({side: LmdbStore(root) for side, root in roots.items()}, where)
        return
    listed = _listed(opt["meta_info_file"]) if opt.get("meta_info_file") else None
    files = {side: _files(root, where) if listed is None else listed for side, root in roots.items()}
    pairs = [_pair(name, roots, opt.get("filename_tmpl") or "{}") for name in files[sides[0]]]
    missing = [str(path) for pair in pairs for path in pair.values() if not path.is_file()]
    if missing:
        raise FileNotFoundError(f"{where}: {len(missing)} files are missing, the first being '{missing[0]}'")
    if len(files[sides[0]]) != len(files[sides[-1]]):
        counts = ", ".join(f"{len(names)} in '{roots[side]}'" for side, names in files.items())
        raise ValueError(f"{where}: as many inputs as references expected, got {counts}")
    if opt.get("phase") != "train":
        _check_headers(pairs, int(opt["scale"]), where)


def mend(dataset: Dataset[Any], opt: Mapping[str, Any]) -> None:
    """Give a data set of BasicSR's two classes, just built, our LMDB reader, or a folder's files in sorted order."""
    sides = SIDES.get(opt["type"])
    if sides is None:
        return
    if opt["io_backend"]["type"] == "lmdb":
        stores = {side: LmdbStore(opt[f"dataroot_{side}"]) for side in sides}
        names = stores["lq"].names()
        dataset.paths = [{f"{side}_path": name for side in sides} for name in names] if "gt" in sides else names  # type: ignore[attr-defined]
        dataset.file_client = LmdbClient(stores)  # type: ignore[attr-defined]
    elif "gt" in sides and not opt.get("meta_info_file"):
        dataset.paths.sort(key=lambda pair: pair["gt_path"])  # type: ignore[attr-defined]


def _listed(meta_info: str | Path) -> list[str]:
    """The names that BasicSR will take from a meta-info file: up to the first space."""
    path = Path(meta_info)
    if not path.is_file():
        raise FileNotFoundError(f"meta-info file not found: '{meta_info}'")
    return [line.strip().split(" ")[0] for line in path.read_text(encoding="utf-8").splitlines()]


def _files(root: Path, where: str) -> list[str]:
    """The files that BasicSR will take for images: all that are not hidden, directly in the folder."""
    if not root.exists():
        raise FileNotFoundError(f"{where}: folder not found: '{root}'")
    if not root.is_dir():
        raise NotADirectoryError(f"{where}: expected a folder, got a file: '{root}'")
    names = sorted(entry.name for entry in root.iterdir() if entry.is_file() and not entry.name.startswith("."))
    others = [name for name in names if not is_image_name(name)]
    if others:
        raise ValueError(
            f"{where}: '{root / others[0]}' has no image's ending, and BasicSR reads every file of the folder: "
            f"move it away ({len(others)} such)"
        )
    if not names:
        raise ValueError(f"{where}: no images in folder '{root}' (BasicSR does not look into subfolders)")
    _tell_subfolders(root, set(names), where)
    return names


def _tell_subfolders(root: Path, names: set[str], where: str) -> None:
    """Warn of images that BasicSR leaves out; what may not be read is left out by everybody."""
    try:
        deeper = sorted(set(list_folder(root)) - names)
    except OSError:
        return
    if deeper:
        get_root_logger().warning(
            f"{where}: {len(deeper)} images in subfolders, such as '{root / deeper[0]}', are left out: "
            "BasicSR does not look there"
        )


def partner_name(name: str, template: str) -> str:
    """The input's name that BasicSR makes of a reference's name, as in ``filename_tmpl: "{}_low"``."""
    base = Path(name)
    return f"{template.format(base.stem)}{base.suffix}"


def _pair(name: str, roots: Mapping[str, Path], template: str) -> dict[str, Path]:
    """The files of one sample, named after the reference as BasicSR does; of an unpaired set, the input alone."""
    if "gt" not in roots:
        return {"lq": roots["lq"] / name}
    return {"gt": roots["gt"] / name, "lq": roots["lq"] / partner_name(name, template)}


def _check_same_names(stores: Mapping[str, LmdbStore], where: str) -> None:
    """Raise unless all LMDBs hold files of the same names."""
    names = [set(store.names()) for store in stores.values()]
    unpaired = names[0] ^ names[-1]
    if unpaired:
        paths = ", ".join(f"'{store.path}'" for store in stores.values())
        raise ValueError(f"{where}: {len(unpaired)} names are not in both of {paths}, such as '{min(unpaired)}'")


def _check_headers(pairs: list[dict[str, Path]], scale: int, where: str) -> None:
    """Raise where a reference is not ``scale`` times its input's size; warn once where BasicSR loses depth."""
    deep = []
    for pair in pairs:
        headers = {side: read_header(path) for side, path in pair.items()}
        lq, gt = headers["lq"], headers.get("gt")
        if gt and (gt.height, gt.width) != (lq.height * scale, lq.width * scale):
            raise ValueError(
                f"{where}: '{pair['gt']}' is {gt.width}x{gt.height}, but its input '{pair['lq']}' is "
                f"{lq.width}x{lq.height} at scale {scale}: not the same picture, or one was resized"
            )
        deep += [str(pair[side]) for side, header in headers.items() if header.bits > 8]
    if deep:
        get_root_logger().warning(f"{where}: BasicSR reads {len(deep)} files of 16 bits as 8 bits, such as '{deep[0]}'")
