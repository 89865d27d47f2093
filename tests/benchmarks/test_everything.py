"""What the run of all benchmarks leaves in RESULTS.md."""

from datetime import UTC, datetime

from tests.benchmarks.__main__ import NAMES
from tests.benchmarks.everything import BEGINS, RUNS, Run, ran, section, with_runs

WHEN = datetime(2026, 11, 26, tzinfo=UTC)


def test_the_last_run_replaces_the_one_before_and_what_was_written_by_hand_stays() -> None:
    first = with_runs("# What was measured\n\nBy hand.\n", "## one\n")
    assert first == f"# What was measured\n\nBy hand.\n\n{BEGINS}\n\n## one\n"
    assert with_runs(first, "## other\n") == first.replace("one", "other")


def test_a_run_is_told_with_its_command_its_machine_and_what_it_printed() -> None:
    runs = [Run("flow", (), "a figure 1.0", 0, 3.2), Run("length", ("--cases", "1"), "1 missed", 1, 61.0)]
    told = section(runs, "2 processors", WHEN)
    assert told.startswith("## The last run of all, 2026-11-26\n\n2 processors.")
    assert "`python -m tests.benchmarks flow`, 3 s\n\n```\na figure 1.0\n```" in told
    assert "`python -m tests.benchmarks length --cases 1`, 61 s; not every bar was met" in told


def test_a_benchmark_that_fails_is_told_as_failed() -> None:
    failed = ran("nothing of this name", ())
    assert failed.code == 2
    assert "it failed" in section([failed], "", WHEN)


def test_what_is_run_without_a_name_can_be_run_by_its_name() -> None:
    assert set(RUNS) <= set(NAMES)
