"""Tables and the before/after page."""

from nerco_plugin.report.benchmark import write_report

__all__ = ["write_report"]
