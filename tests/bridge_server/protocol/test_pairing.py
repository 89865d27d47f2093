"""Pairing codes, and the patience with wrong proofs."""

import re

from hypothesis import given
from hypothesis import strategies as st

from bridge_server.protocol import limits
from bridge_server.protocol.pairing import ALPHABET, LENGTH, Door, normal, shown
from tests.bridge_server.protocol.conftest import Clock


def test_a_code_is_shown_in_two_groups_of_letters_that_are_not_mistaken() -> None:
    code = Door(Clock()).open()
    assert re.fullmatch(r"[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}", shown(code))


def test_no_two_codes_are_the_same() -> None:
    door = Door(Clock())
    assert len({door.open() for _ in range(100)}) == 100


@given(st.text(ALPHABET, min_size=LENGTH, max_size=LENGTH))
def test_a_code_is_read_however_it_was_typed(code: str) -> None:
    mistaken = shown(code).lower().replace("1", "l").replace("0", "o")
    for typed in (code, shown(code), f"  {shown(code)} ", mistaken, " ".join(code)):
        assert normal(typed) == code


def test_a_code_is_over_after_its_time() -> None:
    clock = Clock()
    door = Door(clock)
    code = door.open()
    clock.now += limits.CODE_SECONDS - 1
    assert door.code == code
    clock.now += 1
    assert door.code is None


def test_a_new_code_makes_the_one_before_void() -> None:
    door = Door(Clock())
    old = door.open()
    assert door.open() != old
    assert door.code != old


def test_a_code_is_over_after_so_many_wrong_tries() -> None:
    door = Door(Clock())
    door.open()
    for _ in range(limits.CODE_TRIES):
        assert door.code is not None
        door.wrong_code()
    assert door.code is None


def test_wrong_proofs_are_answered_later_and_later_up_to_a_bound() -> None:
    door = Door(Clock())
    waits = [door.wrong() for _ in range(12)]
    assert waits == [0, 0, 0, 0, 0, 1, 2, 4, 8, 8, 8, 8]


def test_wrong_proofs_are_forgotten_after_a_minute() -> None:
    clock = Clock()
    door = Door(clock)
    for _ in range(12):
        door.wrong()
    clock.now += 61
    assert door.wrong() == 0
