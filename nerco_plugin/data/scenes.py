"""Which images show the same scene: within one side of a data set, and between training and test."""

from collections import defaultdict
from collections.abc import Iterator

import numpy as np

from nerco_plugin.data.diagnosis import Finding, Side
from nerco_plugin.data.image_facts import SAME_PICTURE, SAME_SCENE, ImageFacts


def find_repeated(side: Side) -> Iterator[Finding]:
    """Images of one side that are there twice, to the byte or by their scene."""
    groups = defaultdict(list)
    for image in side.images:
        groups[image.digest].append(image)
    for group in groups.values():
        if len(group) > 1:
            yield Finding(False, "duplicate", f"{side.label}: {' = '.join(image.name for image in group)}")
    unique = [group[0] for group in groups.values()]
    for first, second, likeness in _alike(unique, unique):
        if first.name < second.name:
            yield Finding(False, "same scene", f"{side.label}: {_comparison(first, second, likeness)}")


def find_leaks(train: list[Side], test: list[Side]) -> Iterator[Finding]:
    """Test images that are trained on: equal bytes, or the same picture; a scene seen otherwise is a remark."""
    for train_side in train:
        by_digest = {image.digest: image for image in train_side.images}
        reported = set()  # so that an input and its reference, or bytes and scene, are told once
        for test_side in test:
            for image in test_side.images:
                if image.digest in by_digest:
                    other = by_digest[image.digest]
                    reported.add((test_side.data_set, image.name, other.name))
                    text = f"{test_side.label}: {image.name} is {other.name} of {train_side.label}"
                    yield Finding(True, "trained and tested on", text)
        for test_side in test:
            for image, other, likeness in _alike(test_side.images, train_side.images):
                key = (test_side.data_set, image.name, other.name)
                if key not in reported:
                    reported.add(key)
                    is_fault = likeness >= SAME_PICTURE
                    kind = "trained and tested on" if is_fault else "scene perhaps trained and tested on"
                    text = f"{test_side.label} against {train_side.label}: {_comparison(image, other, likeness)}"
                    yield Finding(is_fault, kind, text)


def _alike(
    images: list[ImageFacts], others: list[ImageFacts], rows: int = 512
) -> Iterator[tuple[ImageFacts, ImageFacts, float]]:
    """Pairs whose signatures show the same scene, a block of rows at a time."""
    if not images or not others:
        return
    columns = np.stack([image.signature for image in others]).T
    for start in range(0, len(images), rows):
        block = images[start : start + rows]
        likeness = np.stack([image.signature for image in block]) @ columns
        for row, column in np.argwhere(likeness >= SAME_SCENE):
            yield block[row], others[column], float(likeness[row, column])


def _comparison(image: ImageFacts, other: ImageFacts, likeness: float) -> str:
    ratio = image.brightness / max(other.brightness, 1e-6)
    return f"{image.name} and {other.name} (likeness {likeness:.3f}, {ratio:.2f} times as bright)"
