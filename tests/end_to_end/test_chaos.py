"""What was told is true, whenever the service or the engine is killed."""

from pathlib import Path

from tests.end_to_end.chaos import chaos


async def test_nothing_that_was_told_is_lost_when_service_and_engine_are_killed_at_random_moments(
    tmp_path: Path,
) -> None:
    report = await chaos(tmp_path, kills=12, seed=1)
    assert report.problems == []
    assert report.done == report.acknowledged > 0
    assert report.kills >= 12  # which of them a moment strikes depends on the machine's load
