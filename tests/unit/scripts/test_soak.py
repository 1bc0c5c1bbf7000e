"""What the soak says of its samples."""

import pytest

from scripts.benchmarks.soak import MIB, Sample, report


def samples(rss_mib: list[float]) -> list[Sample]:
    """A hundred samples; the last half of the way all customers are there."""
    return [
        Sample(index, round(rss * MIB), min(1_000, 20 * index), 10)
        for index, rss in enumerate(rss_mib)
    ]


@pytest.mark.parametrize(
    ("rss_mib", "status"),
    [
        ([100 + min(index, 50) for index in range(100)], 0),
        ([100 + min(index, 50) + 90 * (index == 80) for index in range(100)], 0),
        ([100 + index for index in range(100)], 1),
    ],
)
def test_flat_is_what_stops_growing(
    rss_mib: list[float], status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """Memory may come with the customers and swell for a moment; it may not go on growing."""
    assert report(samples(rss_mib)) == status
    said = capsys.readouterr().out
    assert ("memory grew" in said) == (status == 1)


def test_too_short_a_way_proves_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    """Where customers come until the end nothing is claimed."""
    few = [Sample(index, MIB, index, 1) for index in range(1, 50)]
    assert report(few) == 1
    assert "too short" in capsys.readouterr().out
