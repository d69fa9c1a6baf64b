"""The scores of the paper's Table 1, in BasicSR's METRIC_REGISTRY, imported when they are asked for."""

from typing import TYPE_CHECKING

from nerco_plugin.registry import face

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

__getattr__, __dir__ = face("metrics", __all__)
