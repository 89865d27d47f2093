"""The machine's own memory."""

from engine.machine import free_memory, resident_memory, total_memory

LARGE = 100_000_000


def test_what_a_process_takes_shows_in_what_it_holds() -> None:
    before = resident_memory()
    taken = b"\1" * LARGE
    assert resident_memory() - before > 0.9 * LARGE
    assert len(taken) == LARGE


def test_no_process_holds_more_than_there_is_and_no_more_is_free() -> None:
    assert 0 < resident_memory() < total_memory()
    assert 0 < free_memory() <= total_memory()
