from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from engine.errors import Cancelled, SettingsError, WeightsError
from engine.evaluate.cases import COLUMNS, Options, run
from engine.evaluate.document import Chart, Document, Film, Picture, Table
from engine.media.clip import Clip
from engine.request import Event

Make = Callable[..., Path]


def silent(event: Event) -> None: ...


def rows(document: Document) -> list[dict[str, object]]:
    table = document.sections[0].items[0]
    assert isinstance(table, Table)
    return [dict(zip(COLUMNS, row, strict=True)) for row in table.rows]


def options(folder: Path, **other: object) -> Options:
    return Options.model_validate({"folder": folder.parent, "output": folder.parent.parent / "out", **other})


def test_a_square_that_pans_is_carried_as_the_truth_is(case: Make) -> None:
    (row,) = rows(run(options(case("label", truth=True, kind="add")), silent))
    assert (row["case"], row["kind"], row["method"], row["fault"]) == ("label", "add", "flow", None)
    number = {name: value for name, value in row.items() if isinstance(value, int | float)}
    assert number["inside, dB"] > 40
    assert number["whole, dB"] >= number["inside, dB"]
    assert number["outside, levels"] == 0
    assert number["keyframe, dB"] == pytest.approx(100)
    assert number["warp ratio"] < 1.3
    assert number["drift, levels/frame"] < 0.1


def test_likeness_is_that_inside_of_the_frames_that_were_not_painted(case: Make) -> None:
    """A truth that is brighter by ten levels, the painted frame's too: only the others' error is the method's."""
    document = run(options(case("label", truth=True, off=10)), silent)
    (row,) = rows(document)
    assert row["inside, dB"] == pytest.approx(-20 * np.log10(10 / 255), abs=0.2)
    chart = document.sections[1].items[0]
    assert isinstance(chart, Chart)
    (line,) = chart.lines
    assert [number for number, value in enumerate(line.ys) if np.isnan(value)] == [2]
    assert row["drift, levels/frame"] == pytest.approx(0, abs=0.1)


def test_without_a_truth_its_figures_are_left_out(case: Make) -> None:
    document = run(options(case("label")), silent)
    (row,) = rows(document)
    assert row["inside, dB"] is row["SSIM"] is None
    assert row["outside, levels"] == 0
    assert [type(item) for item in document.sections[1].items] == [Picture, Film]


def test_a_case_that_fails_is_told_in_its_row_and_the_others_go_on(case: Make, broken: Path) -> None:
    case("after", truth=True, note="a red square")
    document = run(options(broken), silent)
    after, failed = rows(document)
    assert (after["fault"], failed["case"]) == (None, "broken")
    assert failed["fault"] == "The edited frame is 48×32 but the clip's frames are 96×64."
    assert failed["outside, levels"] is None
    assert "1 of 2 runs failed" in document.sections[0].text
    assert [section.title for section in document.sections] == ["Results", "after"]
    assert document.sections[1].text == "A red square."


def test_each_case_shows_its_frames_its_likeness_and_a_film(case: Make) -> None:
    document = run(options(case("label", truth=True)), silent)
    chart, picture, film = document.sections[1].items
    assert isinstance(chart, Chart)
    assert [len(line.ys) for line in chart.lines] == [6]
    assert isinstance(picture, Picture)
    assert isinstance(film, Film)
    assert film.title == "From left to right: source, flow, truth"
    frames = list(film.frames)
    assert [frame.shape for frame in frames] == [(64, 3 * 96, 3)] * 6
    assert abs(frames[3][:, 96:192].astype(int) - frames[3][:, 192:]).mean() < 3


def test_a_clip_of_subsampled_chroma_is_untouched_outside_the_edit(pan: Path, case: Make) -> None:
    """Where chroma is shared by pixels of both sides, it is the edit's; its neighbours in luma are not."""
    folder = case("pan")
    (folder / "source.mkv").unlink()
    (folder / "source.mkv").write_bytes(pan.read_bytes())
    for path in folder.glob("*.png"):
        path.unlink()
    with Clip.open(pan) as clip:
        frame = clip.frame(2).rgb()
    frame[21:44, 41:64] = (0.9, 0.1, 0.1)
    cv2.imwrite(str(folder / "edited.frame000002.png"), np.round(np.clip(frame, 0, 1) * 255)[..., ::-1])
    (row,) = rows(run(options(folder), silent))
    assert row["outside, levels"] == 0
    assert row["keyframe, dB"] == pytest.approx(100)


def test_progress_counts_the_cases_and_names_them(case: Make) -> None:
    case("one")
    events: list[Event] = []
    run(options(case("two")), events.append)
    counted = [(event.done, event.total, event.message) for event in events if event.stage == "plan"]
    assert counted == [(0, 2, "one, flow"), (1, 2, "two, flow"), (2, 2, None)]
    assert {"probe", "propagate", "write"} <= {event.stage for event in events}


def test_who_cancels_is_heard_at_once(case: Make) -> None:
    def stop(event: Event) -> None:
        if event.stage == "propagate":
            raise Cancelled.asked()

    with pytest.raises(Cancelled):
        run(options(case("label")), stop)


def test_what_would_fail_in_every_case_ends_the_run_as_it_ends_propagate(case: Make, tmp_path: Path) -> None:
    with pytest.raises(WeightsError) as caught:
        run(options(case("label"), method="videoshop", model=tmp_path / "none"), silent)
    assert caught.value.code == "weights.missing"


def test_both_methods_stand_beside_each_other(case: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("engine.evaluate.perform.find_spec", lambda name: None)
    with pytest.raises(SettingsError) as caught:
        run(options(case("label"), method="both"), silent)
    assert caught.value.code == "settings.method_unavailable"
