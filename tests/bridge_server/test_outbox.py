"""What waits to be sent to one client."""

import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bridge_server.outbox import Item, Outbox, OverflowingError


def drained(outbox: Outbox) -> list[Item | None]:
    return list(iter(outbox.take, None))


def test_messages_leave_in_the_order_in_which_they_came() -> None:
    outbox = Outbox()
    for text in ("a", "b", "c"):
        outbox.put(text)
    assert drained(outbox) == ["a", "b", "c"]


def test_a_newer_preview_replaces_the_one_that_waits_at_the_end_of_the_queue() -> None:
    outbox = Outbox()
    outbox.put("progress 3", "progress")
    outbox.put("state 4")
    outbox.put("progress 5", "progress")
    assert drained(outbox) == ["state 4", "progress 5"]


def test_previews_make_room_for_states_and_never_the_other_way_round() -> None:
    outbox = Outbox(limit=2000)
    outbox.put(b"p" * 1000, "preview")
    outbox.put("s" * 1000)
    assert drained(outbox) == ["s" * 1000]
    outbox.put("s" * 1500)
    outbox.put(b"p" * 1000, "preview")
    assert drained(outbox) == ["s" * 1500]


def test_states_that_do_not_fit_overflow() -> None:
    outbox = Outbox(limit=2000)
    outbox.put("s" * 1500)
    with pytest.raises(OverflowingError):
        outbox.put("s" * 1500)


@pytest.mark.parametrize("character", ["x", "é", "動", "😀"])
def test_what_waits_takes_no_more_memory_than_the_limit_in_whatever_script_it_is_written(character: str) -> None:
    outbox, limit = Outbox(limit=1 << 20), 1 << 20

    def fill() -> None:
        for number in range(limit):
            outbox.put(f"{number} {character * 300}")

    tracemalloc.start()
    try:
        with pytest.raises(OverflowingError):
            fill()
        assert tracemalloc.get_traced_memory()[0] <= limit * 1.05
    finally:
        tracemalloc.stop()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([None, "a", "b", "take"]), st.integers(0, 600))))
def test_the_outbox_is_never_over_its_limit_and_drops_no_state(steps: list[tuple[str | None, int]]) -> None:
    outbox, limit = Outbox(limit=3000), 3000
    put: list[str] = []
    taken: list[Item | None] = []
    for number, (key, size) in enumerate(steps):
        text = f"{number}:{key}:" + "x" * size
        if key == "take":
            taken.append(outbox.take())
            continue
        try:
            outbox.put(text, key)
        except OverflowingError:
            return
        if key is None:
            put.append(text)
        assert outbox.bytes <= limit
    taken += drained(outbox)
    assert [text for text in taken if isinstance(text, str) and ":None:" in text] == put
    assert outbox.bytes == 0
