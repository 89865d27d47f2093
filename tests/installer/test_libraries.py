"""One FFmpeg in the place of two."""

import shutil
from pathlib import Path

import pytest

from installer import libraries
from installer.libraries import glibc, reachable, share_ffmpeg, twins

OPENCV = ["libavcodec-c4204469.so.62.28.101", "libavutil-befbbc48.so.60.26.101", "libpng16-529c.so.16", "libc.so.6"]
PYAV = ["libavcodec-5e6b81c2.so.62.28.102", "libavutil-5809ad29.so.60.26.102", "libx264-d653.so.165"]


def test_an_ffmpeg_of_the_same_majors_takes_the_others_place() -> None:
    assert twins(OPENCV, PYAV) == {OPENCV[0]: PYAV[0], OPENCV[1]: PYAV[1]}


def test_other_majors_are_another_interface() -> None:
    assert twins(OPENCV, [PYAV[0].replace(".62.", ".63."), PYAV[1]]) is None
    assert twins(OPENCV, PYAV[:1]) is None


def test_a_build_of_opencv_without_ffmpeg_needs_no_twin() -> None:
    assert twins(OPENCV[2:], PYAV) == {}


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Libraries whose text is what they need, and a patchelf that reads and writes such texts."""
    needs = {
        "cv2/cv2.abi3.so": OPENCV,
        f"{libraries.OPENCV}/{OPENCV[0]}": [OPENCV[1], "libdrm-b029.so.2"],
        f"{libraries.OPENCV}/{OPENCV[1]}": [],
        f"{libraries.OPENCV}/{OPENCV[2]}": ["libz.so.1"],
        f"{libraries.OPENCV}/libdrm-b029.so.2": [],
        f"{libraries.PYAV}/libdrm-b029.so.2": [],
        **{f"{libraries.PYAV}/{name}": [] for name in PYAV},
    }
    for name, needed in needs.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("\n".join(needed))
    for name in (*OPENCV[:3], "libdrm-b029.so.2"):
        (tmp_path / name).symlink_to(f"{libraries.OPENCV}/{name}")

    def patchelf(*words: str) -> str:
        library = Path(words[-1])
        text = library.read_text()
        for at, option in enumerate(words):
            if option == "--replace-needed":
                text = text.replace(words[at + 1], words[at + 2])
        library.write_text(text)
        return text

    monkeypatch.setattr(libraries, "_patchelf", patchelf)
    return tmp_path


def test_what_opencv_needs_no_more_goes_and_what_both_had_stays_in_reach(inside: Path) -> None:
    share_ffmpeg(inside)
    assert (inside / "cv2" / "cv2.abi3.so").read_text().split() == [*PYAV[:2], *OPENCV[2:]]
    assert [path.name for path in (inside / libraries.OPENCV).iterdir()] == [OPENCV[2]]
    links = {path.name: path.readlink().parts[0] for path in inside.iterdir() if path.is_symlink()}
    assert links == {OPENCV[2]: libraries.OPENCV, "libdrm-b029.so.2": libraries.PYAV}


def test_without_a_twin_both_stay_and_it_is_said(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(inside / libraries.PYAV)
    (inside / libraries.PYAV).mkdir()
    before = sorted(inside.rglob("*"))
    share_ffmpeg(inside)
    assert sorted(inside.rglob("*")) == before
    assert "both stay" in capsys.readouterr().out


def test_what_is_needed_is_followed(inside: Path) -> None:
    found = reachable(inside / "cv2" / "cv2.abi3.so", inside / libraries.OPENCV)
    assert found == {*OPENCV[:3], "libdrm-b029.so.2"}


def test_the_newest_glibc_that_is_asked_for_is_found(app: Path) -> None:
    assert glibc(app) == (2, 34)
