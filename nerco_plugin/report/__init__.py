"""Tables and pages: how good results are (write_report) and how a training run went (write_curves)."""

from nerco_plugin.report.benchmark import write_report
from nerco_plugin.report.curves import write_curves

__all__ = ["write_curves", "write_report"]
