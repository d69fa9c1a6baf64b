"""What the doctor hands back: the sides of each data set with their images, and what was found."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from nerco_plugin.data.image_facts import ImageFacts


class Finding(NamedTuple):
    """Something to know about the data; a fault makes scores wrong or ends a run, anything else is a remark."""

    is_fault: bool
    kind: str
    text: str


class Side(NamedTuple):
    """One data root of a data set, such as the low side of ``train``, with the images that could be read."""

    data_set: str
    role: str
    opt: Mapping[str, Any]
    images: list[ImageFacts]

    @property
    def is_train(self) -> bool:
        return self.data_set.startswith("train")

    @property
    def label(self) -> str:
        return f"{self.data_set} {self.role}"


class Diagnosis(NamedTuple):
    """All that was looked at, and what was found."""

    sides: list[Side]
    findings: list[Finding]

    @property
    def is_healthy(self) -> bool:
        return not any(finding.is_fault for finding in self.findings)
