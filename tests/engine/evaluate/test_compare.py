from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from engine.errors import SettingsError
from engine.evaluate.compare import Options, run
from engine.evaluate.document import Cell, Document, Film, Table
from engine.propagate import propagate
from engine.request import Event, KeyframeFiles, Request
from tests.engine.clips import panning, write_clip

Make = Callable[..., Path]


def silent(event: Event) -> None: ...


def options(a: object, b: object, output: Path, **other: object) -> Options:
    return Options.model_validate({"a": str(a), "b": str(b), "output": output, **other})


def tables(document: Document) -> dict[str, Table]:
    return {item.title: item for section in document.sections for item in section.items if isinstance(item, Table)}


def numbers(row: tuple[Cell, ...]) -> Iterator[float]:
    return (value for value in row if isinstance(value, int | float))


def refused(asked: Options) -> SettingsError:
    with pytest.raises(SettingsError) as caught:
        run(asked, silent)
    return caught.value


@pytest.fixture
def brighter(tmp_path: Path) -> tuple[Path, Path]:
    """Two clips of three frames; the second is brighter by 5, 10 and 20 levels."""
    grey = [np.full((48, 64, 3), 100, np.uint8)] * 3
    lit = [(frame + np.uint8(more)).astype(np.uint8) for frame, more in zip(grey, (5, 10, 20), strict=True)]
    return write_clip(tmp_path / "grey.mkv", grey, "bgr0"), write_clip(tmp_path / "lit.mkv", lit, "bgr0")


def test_two_clips_are_told_apart_by_their_levels(brighter: tuple[Path, Path], tmp_path: Path) -> None:
    found = tables(run(options(*brighter, tmp_path), silent))
    psnr, ssim, difference = ([*numbers(row)] for row in found["grey.mkv beside lit.mkv"].rows)
    assert difference == pytest.approx([35 / 3, 20], abs=1e-3)
    assert psnr[1] == pytest.approx(-20 * np.log10(20 / 255), abs=1e-3)
    assert ssim[1] < ssim[0] < 1
    assert "frame 2" in found["grey.mkv beside lit.mkv"].note
    grey, lit = ([*numbers(row)] for row in found["Steadiness"].rows)
    assert grey == pytest.approx([0, 0], abs=1e-3)
    assert lit == pytest.approx([5, 7.5], abs=1e-2)


def test_results_are_compared_by_what_holds_them_without_loss(case: Make, tmp_path: Path) -> None:
    folder = case("label")
    keyframe = KeyframeFiles(edited=folder / "edited.frame000002.png", frame=2)
    for name, formats in (("first", ("mkv", "mp4")), ("second", ("png",))):
        request = {"clip": folder / "source.mkv", "keyframes": (keyframe,), "output": tmp_path / name}
        propagate(Request.model_validate(request | {"formats": formats}), silent)
    asked = options(tmp_path / "first", tmp_path / "second", tmp_path / "out", clip=folder / "source.mkv")
    document = run(asked, silent)
    assert tables(document)["first beside second"].rows[2][2] == 0
    assert [row[0] for row in tables(document)["Steadiness"].rows] == ["source", "first", "second"]
    film = document.sections[0].items[-1]
    assert isinstance(film, Film)
    assert film.title == "From left to right: source, first, second"


def test_a_method_is_compared_by_what_it_makes(case: Make, tmp_path: Path) -> None:
    folder = case("label")
    keyframe = {"edited": folder / "edited.frame000002.png", "frame": 2}
    source = folder / "source.mkv"
    found = tables(run(options("flow", source, tmp_path / "out", clip=source, keyframes=[keyframe]), silent))
    assert [row[2] for row in found["Each by itself"].rows] == ["flow"]
    assert found["flow beside source.mkv"].rows[2][2] != 0


def test_the_same_name_twice_is_told_apart(brighter: tuple[Path, Path], tmp_path: Path) -> None:
    found = tables(run(options(brighter[0], brighter[0], tmp_path), silent))
    assert found["grey.mkv A beside grey.mkv B"].rows[0][1] == pytest.approx(100)


def test_clips_of_other_sizes_or_lengths_are_not_compared(brighter: tuple[Path, Path], tmp_path: Path) -> None:
    other = write_clip(tmp_path / "other.mkv", panning(4, 64, 48), "bgr0")
    error = refused(options(brighter[0], other, tmp_path))
    assert error.code == "compare.not_alike"
    assert "grey.mkv has 3 frames of 64×48; other.mkv has 4 frames of 64×48" in error.message


def test_a_method_needs_an_edit_and_a_name_something_that_it_names(pan: Path, tmp_path: Path) -> None:
    assert refused(options("flow", pan, tmp_path)).code == "compare.edit_needed"
    assert refused(options(pan, "magic", tmp_path)).code == "compare.no_result"
