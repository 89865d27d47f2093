"""Redaction: whatever stands around a secret, it does not stay."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bridge_server.redact import bounded, printable, redact, safe

FOLDERS = ("cAnArY1", "sEcReT2")
"""What must not stay of a path."""

# Within a line: a name with an end of line in it cannot be told from two lines.
around = st.text(st.characters(exclude_characters="\n"), max_size=40)
names = st.text(st.characters(exclude_characters="\n/\\", codec="utf-8"), min_size=1, max_size=12)
"""Names of files and folders: blanks, quotes, brackets, any script."""


@st.composite
def paths(draw: st.DrawFn) -> str:
    """A full path whose folders have the canaries in their names."""
    separator = draw(st.sampled_from(["/", "\\", "\\\\", "\\\\\\\\"]))  # as it is, in a repr, in JSON within a repr
    starts = ["/", "file:///"] if separator == "/" else [f"C:{separator}", f"z:{separator}", 2 * separator]
    folders = [draw(names) + canary + draw(names) for canary in FOLDERS]
    return draw(st.sampled_from(starts)) + separator.join([*folders, draw(names)])


@given(around, paths(), around)
@example("File “", "/home/cAnArY1/it's “sEcReT2” (1)/shot 1.mov", "” is gone")
@example("clip", "C:/cAnArY1/sEcReT2/shot.mov", "")
def test_of_a_path_no_folder_stays_whatever_stands_around_it(before: str, path: str, after: str) -> None:
    told = redact(before + path + after)
    assert not [canary for canary in FOLDERS if canary in told]


@given(st.lists(st.one_of(around, paths(), st.just("\n")), max_size=6))
def test_many_paths_and_lines_keep_no_folder_either(parts: list[str]) -> None:
    told = redact("".join(parts))
    assert not [canary for canary in FOLDERS if canary in told]


@given(around, st.binary(min_size=32, max_size=32), st.booleans(), around)
def test_no_token_stays_whatever_stands_around_it(before: str, token: bytes, upper: bool, after: str) -> None:
    text = token.hex().upper() if upper else token.hex()
    assert text not in redact(before + text + after)


@given(st.binary(min_size=32, max_size=32), st.integers(0, 4000))
def test_a_token_where_a_text_is_cut_does_not_stay_in_part(token: bytes, before: int) -> None:
    told = safe("," * before + token.hex() + "," * 4000, 1000)
    assert token.hex()[:33] not in told


@given(around, st.text("ABCDEFGHJKMNPQRSTVWXYZ0123456789", min_size=10, max_size=10), around)
def test_no_pairing_code_stays_whatever_stands_around_it(before: str, code: str, after: str) -> None:
    text = f"{code[:5]}-{code[5:]}"
    assert text not in redact(before + text + after)


@given(st.lists(st.one_of(around, paths(), st.binary(min_size=32, max_size=32).map(bytes.hex)), max_size=6))
def test_what_is_redacted_stays_as_it_is_when_it_is_redacted_again(parts: list[str]) -> None:
    once = redact("".join(parts))
    assert redact(once) == once


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[Errno 2] No such file: '/home/Anna/My clips/shot 1.mov'", "[Errno 2] No such file: '…/shot 1.mov'"),
        (r"C:\Users\Anna\shot.mov is gone", "…/shot.mov is gone"),
        (r"\\server\share\shot.mov", "…/shot.mov"),
        ('  File "/usr/lib/python3/json/__init__.py", line 3', '  File "…/__init__.py", line 3'),
        ("moved /a/b to /c/d", "moved …/d"),
        ("the code AB3DE-9FGHJ of the token " + 32 * "ab", "the code ‹code› of the token ‹token›"),
    ],
)
def test_the_last_name_and_the_rest_stay(text: str, told: str) -> None:
    assert redact(text) == told


@pytest.mark.parametrize(
    "text",
    ["30000/1001 frames a second", "and/or", "job 0b8a7c52-4f60-4b1e-9a70-0123456789ab running", "ref 0123456789ab"],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text


@given(st.text())
def test_what_is_printable_has_no_control_character(text: str) -> None:
    assert printable(text).replace("\n", "").replace("\t", "").isprintable()


def test_what_cannot_be_seen_is_written_as_an_escape() -> None:
    assert printable("a\x1b[31mb\x9b\u202e\udc80\r") == r"a\x1b[31mb\x9b\u202e\udc80\r"


@given(st.text(max_size=300), st.integers(10, 100), st.booleans())
def test_a_text_is_bounded_and_says_so(text: str, limit: int, keep_end: bool) -> None:
    told = bounded(text, limit, keep_end=keep_end)
    assert len(told) <= limit
    assert told == text or "‹…›" in told
