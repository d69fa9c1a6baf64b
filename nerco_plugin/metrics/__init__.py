"""The scores of the paper's Table 1, in BasicSR's METRIC_REGISTRY, imported when they are asked for."""

from typing import TYPE_CHECKING, Any

from nerco_plugin.registry import handed_on

if TYPE_CHECKING:
    from nerco_plugin.metrics.gt_mean_metric import calculate_psnr_gt_mean, calculate_ssim_gt_mean
    from nerco_plugin.metrics.loe_metric import calculate_loe
    from nerco_plugin.metrics.lpips_metric import calculate_lpips
    from nerco_plugin.metrics.niqe_guarded_metric import calculate_niqe_guarded
    from nerco_plugin.metrics.niqe_paper_metric import calculate_niqe_paper
    from nerco_plugin.metrics.ssim_paper_metric import calculate_ssim_paper

__all__ = [
    "calculate_loe",
    "calculate_lpips",
    "calculate_niqe_guarded",
    "calculate_niqe_paper",
    "calculate_psnr_gt_mean",
    "calculate_ssim_gt_mean",
    "calculate_ssim_paper",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401
    return handed_on("metrics", name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
