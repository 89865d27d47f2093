from collections.abc import Callable
from pathlib import Path

import pytest

from engine.errors import SettingsError
from engine.evaluate.dataset import cases

Make = Callable[..., Path]


def faults(folder: Path) -> str:
    with pytest.raises(SettingsError) as caught:
        cases(folder)
    assert caught.value.code == "dataset.faulty"
    return caught.value.message


def test_a_case_is_a_folder_with_a_clip_and_an_edited_frame(case: Make) -> None:
    folder = case("label", truth=True, kind="add", note="a red square")
    (found,) = cases(folder.parent)
    assert (found.name, found.kind, found.note) == ("label", "add", "a red square")
    assert (found.source, found.truth) == (folder / "source.mkv", folder / "truth.mkv")
    (keyframe,) = found.keyframes
    assert (keyframe.frame, keyframe.edited.name) == (2, "edited.frame000002.png")
    assert keyframe.mask == folder / "mask.frame000002.png"


def test_only_clip_and_edited_frame_are_needed_and_its_frame_is_told_or_found(case: Make) -> None:
    folder = case("plain")
    (folder / "mask.frame000002.png").unlink()
    (folder / "edited.frame000002.png").rename(folder / "edited.png")
    (found,) = cases(folder.parent)
    assert found.truth is None
    assert [(keyframe.frame, keyframe.mask) for keyframe in found.keyframes] == [(None, None)]
    (folder / "case.json").write_text('{"frame": 2, "author": "somebody"}')
    (found,) = cases(folder.parent)
    assert found.keyframes[0].frame == 2


def test_several_edited_frames_tell_theirs_in_their_names(case: Make) -> None:
    folder = case("several")
    (folder / "edited.frame5.png").write_bytes((folder / "edited.frame000002.png").read_bytes())
    (found,) = cases(folder.parent)
    assert [(keyframe.frame, keyframe.mask is not None) for keyframe in found.keyframes] == [(2, True), (5, False)]


def test_a_clip_may_be_a_folder_of_pictures(case: Make) -> None:
    folder = case("pictures")
    (folder / "source.mkv").unlink()
    (folder / "source").mkdir()
    for number in range(3):
        picture = (folder / "edited.frame000002.png").read_bytes()
        (folder / "source" / f"{number:04}.png").write_bytes(picture)
    (found,) = cases(folder.parent)
    assert found.source == folder / "source"


def test_all_that_is_wrong_is_told_at_once_and_where(case: Make) -> None:
    case("good")
    (case("a") / "source.mkv").unlink()
    (case("b") / "edited.frame000002.png").unlink()
    (case("c") / "source.mkv").write_bytes(b"no clip")
    told = faults(case("d", frame=-1).parent)
    assert "4 cases are" in told
    assert "a: it has no source.mp4" in told
    assert "b: it has no edited.png" in told
    assert "c: source.mkv is not a video" in told
    assert "d: case.json is not as it should be: frame" in told
    assert "good" not in told


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda at: (at / "edited.png").write_bytes(b""), "each tells its frame"),
        (lambda at: (at / "edited.frame2.png").write_bytes(b""), "are of the same frame"),
        (lambda at: (at / "edited.two.png").write_bytes(b""), "edited.two.png does not tell its frame"),
        (lambda at: (at / "mask.frame000003.png").write_bytes(b""), "no edited image to mask.frame000003.png"),
        (lambda at: (at / "edited.frame000006.png").write_bytes(b""), "is of frame 6, its source has 6 frames"),
        (lambda at: (at / "source.mp4").write_bytes(b""), "several clips called source: source.mkv, source.mp4"),
        (lambda at: (at / "case.json").write_text("{"), "case.json is not as it should be"),
        (lambda at: (at / "case.json").write_text('{"frame": 2}'), "case.json tells a frame, and so does the name"),
    ],
)
def test_what_does_not_fit_in_a_case_is_told(case: Make, change: Callable[[Path], object], said: str) -> None:
    folder = case("odd")
    change(folder)
    assert said in faults(folder.parent)


def test_a_truth_of_other_frames_is_no_truth(case: Make) -> None:
    folder = case("short")
    (folder / "truth").mkdir()
    for number in range(3):
        picture = (folder / "edited.frame000002.png").read_bytes()
        (folder / "truth" / f"{number:04}.png").write_bytes(picture)
    assert "its truth has 3 frames of 96×64, its source 6 of 96×64" in faults(folder.parent)


def test_a_folder_without_cases_is_no_dataset(tmp_path: Path) -> None:
    for folder, code in ((tmp_path, "dataset.empty"), (tmp_path / "none", "dataset.missing")):
        with pytest.raises(SettingsError) as caught:
            cases(folder)
        assert caught.value.code == code
