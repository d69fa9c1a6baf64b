"""The columns of a score table: what each measures, which way is better, and what it compares with."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """One score. ``needs_truth``: it compares with a paired reference. ``digits``: decimals shown."""

    key: str
    label: str
    higher_is_better: bool
    needs_truth: bool
    digits: int
    meaning: str

    def show(self, value: float | None) -> str:
        """The value as text; "n/a" where it is undefined."""
        return "n/a" if value is None else f"{value:.{self.digits}f}"


COLUMNS = {
    column.key: column
    for column in (
        Column("psnr", "PSNR", True, True, 2, "dB over RGB, 8 bit, no border, as in the paper's table"),
        Column("ssim", "SSIM", True, True, 4, "7x7 uniform window on RGB (scikit-image), as in the paper's table"),
        Column("loe", "LOE", False, False, 1, "lightness order error against the input, as in the paper's table"),
        Column("niqe", "NIQE", False, False, 2, "MATLAB-like (BasicSR's); never comparable with the paper's NIQE"),
        Column("niqe_paper", "NIQE (paper)", False, False, 2, "scikit-video's variant, as in the paper's table"),
        Column("ssim_basicsr", "SSIM (BasicSR)", True, True, 4, "11x11 Gaussian window; about 0.003 from the paper's"),
        Column("psnr_gt_mean", "PSNR (GT-mean)", True, True, 2, "after scaling to the reference's mean brightness"),
        Column("ssim_gt_mean", "SSIM (GT-mean)", True, True, 4, "after scaling to the reference's mean brightness"),
        Column("lpips", "LPIPS", False, True, 4, "AlexNet, v0.1"),
    )
}
DEFAULT = ("psnr", "ssim", "loe", "niqe", "niqe_paper")
EXTRA = tuple(key for key in COLUMNS if key not in DEFAULT)


def chosen_columns(extra: Sequence[str], with_truth: bool) -> list[Column]:
    """The default columns and the ``extra`` ones; without references, those that need one are left out.

    Raises:
        ValueError: an unknown extra column, or one that needs references that are not there.
    """
    for key in extra:
        if key not in COLUMNS:
            raise ValueError(f"no score is called {key!r}; extra ones are {', '.join(EXTRA)}")
        if COLUMNS[key].needs_truth and not with_truth:
            raise ValueError(f"{key} compares with references: name their folder (gt)")
    return [c for key, c in COLUMNS.items() if (key in DEFAULT or key in extra) and (with_truth or not c.needs_truth)]
