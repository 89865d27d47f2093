from pathlib import Path

import numpy as np
import pytest

from engine import locate as module
from engine.errors import EditError
from engine.locate import indexed, locate
from engine.media.clip import Clip
from engine.media.still import Still
from engine.request import Event
from tests.engine.clips import panning, texture, write_clip


def still(clip: Clip, index: int) -> Still:
    return Still(np.clip(clip.frame(index).rgb(), 0, 1), None, 8, None)


def repainted(image: Still) -> Still:
    image.rgb[20:70, 40:120] = (0.9, 0.2, 0.1)
    return image


def silent(event: Event) -> None:
    pass


@pytest.mark.parametrize("index", [0, 7, 23])
def test_a_frame_is_found_although_a_part_was_repainted(pan: Path, index: int) -> None:
    with Clip.open(pan) as clip:
        found = locate(clip, repainted(still(clip, index)), silent)
    assert found.index == index
    assert found.confidence > 0.5
    assert found.duplicates == ()


def test_a_frame_is_found_although_all_of_it_was_graded(pan: Path) -> None:
    with Clip.open(pan) as clip:
        image = still(clip, 11)
        graded = Still(np.asarray(image.rgb * np.array([0.8, 0.7, 0.6], np.float32) + 0.05), None, 8, None)
        found = locate(clip, graded, silent)
    assert found.index == 11
    assert found.confidence > 0.2


def test_a_frame_of_a_10_bit_clip_is_found(pan10: Path) -> None:
    with Clip.open(pan10) as clip:
        assert locate(clip, still(clip, 5), silent).index == 5


def test_the_moving_part_decides_when_the_rest_stands_still(tmp_path: Path) -> None:
    standing, moving = panning(1, 192, 108)[0], panning(20, 48, 48, seed=5)
    pictures = []
    for part in moving:
        picture = standing.copy()
        picture[40:88, 100:148] = part
        pictures.append(picture)
    with Clip.open(write_clip(tmp_path / "standing.mkv", pictures)) as clip:
        image = still(clip, 13)
        image.rgb[20:60, 20:90] = (0.1, 0.8, 0.2)
        found = locate(clip, image, silent)
    assert found.index == 13


def test_frozen_frames_are_reported_and_lower_the_confidence(tmp_path: Path) -> None:
    pictures = panning(10, 192, 108)
    pictures[5] = pictures[6] = pictures[4]
    with Clip.open(write_clip(tmp_path / "frozen.mkv", pictures)) as clip:
        found = locate(clip, repainted(still(clip, 5)), silent)
    assert (found.index, found.duplicates) == (4, (5, 6))
    assert found.confidence < 0.4


def test_nearly_equal_neighbours_lower_the_confidence(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    picture = panning(1, 192, 108)[0].astype(int)
    noisy = [np.clip(picture + rng.integers(-1, 2, picture.shape), 0, 255).astype(np.uint8) for _ in range(8)]
    with Clip.open(write_clip(tmp_path / "still.mkv", noisy)) as clip:
        image = still(clip, 3)
        grain = rng.normal(0, 4 / 255, image.rgb.shape)
        saved_again = Still(np.asarray(np.clip(image.rgb + grain, 0, 1), np.float32), None, 8, None)
        assert locate(clip, saved_again, silent).confidence < 0.2


def test_an_image_of_something_else_is_refused(pan: Path) -> None:
    with Clip.open(pan) as clip, pytest.raises(EditError) as refused:
        locate(clip, Still(texture(108, 192, seed=77), None, 8, None), silent)
    assert refused.value.code == "edit.frame_not_found"


def test_thumbnails_are_made_once_with_progress_and_then_come_from_the_cache(pan: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    with Clip.open(pan) as clip:
        made = indexed(clip, events.append, tmp_path)
        assert [event.done for event in events] == list(range(1, 25))
        events.clear()
        np.testing.assert_array_equal(indexed(clip, events.append, tmp_path), made)
    assert events == []
    assert [path.suffix for path in tmp_path.iterdir()] == [".npy"]


def test_a_clip_that_was_written_anew_is_indexed_anew(tmp_path: Path) -> None:
    path, cache = tmp_path / "clip.mkv", tmp_path / "cache"
    for seed in (1, 2):
        events: list[Event] = []
        with Clip.open(write_clip(path, panning(6, 96, 64, seed=seed))) as clip:
            indexed(clip, events.append, cache)
        assert len(events) == 6


def test_a_damaged_index_is_made_again(pan: Path, tmp_path: Path) -> None:
    with Clip.open(pan) as clip:
        made = indexed(clip, silent, tmp_path)
        (file,) = tmp_path.iterdir()
        file.write_bytes(file.read_bytes()[:100])
        np.testing.assert_array_equal(indexed(clip, silent, tmp_path), made)


def test_the_cache_keeps_what_was_used_last_within_its_bound(
    pan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CACHE_BYTES", 1_000_000)
    (tmp_path / "old.npy").write_bytes(bytes(950_000))
    with Clip.open(pan) as clip:
        indexed(clip, silent, tmp_path)
    assert "old.npy" not in {path.name for path in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == 1


def test_a_cache_that_cannot_be_written_costs_no_result(pan: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with Clip.open(pan) as clip:
        assert len(indexed(clip, silent, tmp_path / "file" / "cache")) == 24
