"""The stream of samples: fresh epochs without end, the same from any start and over any number of processes."""

from itertools import islice

import pytest

from nerco_plugin.data.resumable_sampler import ResumableSampler


def test_every_epoch_is_a_new_permutation() -> None:
    stream = list(islice(ResumableSampler(10, seed=1), 40))
    epochs = [stream[start : start + 10] for start in range(0, 40, 10)]
    for number, epoch in enumerate(epochs):
        assert sorted(epoch) == list(range(10 * number, 10 * number + 10))
    assert len({tuple(index % 10 for index in epoch) for epoch in epochs}) == 4


@pytest.mark.parametrize("start", [0, 1, 9, 10, 23, 1000])
def test_any_start_continues_the_stream(start: int) -> None:
    whole = list(islice(ResumableSampler(10, seed=1), start + 15))
    assert list(islice(ResumableSampler(10, seed=1, start=start), 15)) == whole[start:]


@pytest.mark.parametrize("world_size", [2, 3])
def test_processes_share_one_stream(world_size: int) -> None:
    single = list(islice(ResumableSampler(5, seed=2, start=4), 6 * world_size))
    shares = [list(islice(ResumableSampler(5, world_size, rank, seed=2, start=4), 6)) for rank in range(world_size)]
    assert [index for step in zip(*shares) for index in step] == single


def test_more_processes_than_samples() -> None:
    shares = [list(islice(ResumableSampler(2, 5, rank), 4)) for rank in range(5)]
    assert sorted(index for share in shares for index in share) == list(range(20))


def test_seed_changes_the_order() -> None:
    assert list(islice(ResumableSampler(50, seed=1), 50)) != list(islice(ResumableSampler(50, seed=2), 50))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"dataset_len": 0}, "dataset_len must be at least 1, got 0"),
        ({"dataset_len": 4, "world_size": 2, "rank": 2}, "rank"),
        ({"dataset_len": 4, "start": -1}, "start"),
    ],
)
def test_wrong_arguments(arguments: dict[str, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ResumableSampler(**arguments)
