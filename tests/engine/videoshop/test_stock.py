"""The store of weights: its models go along to another folder, whole or as far as they came."""

import errno
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.errors import Cancelled, EngineError
from engine.request import Event
from engine.videoshop import stock
from engine.videoshop.catalogue import MANIFEST, MARKER
from engine.videoshop.stock import held, state_of, take_along

DATA = bytes(range(256)) * 20_000


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A store with a whole model, and one that was begun."""
    for name, mark, file in (("svd", MANIFEST, "model.safetensors"), ("svd-xt", MARKER, ".model.safetensors.ab.part")):
        (tmp_path / "weights" / name / "unet").mkdir(parents=True)
        (tmp_path / "weights" / name / "unet" / file).write_bytes(DATA)
        (tmp_path / "weights" / name / mark).write_text("{}")
    return tmp_path / "weights"


@pytest.fixture
def other_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)


def quiet(event: Event) -> None:
    """Takes each event, and lets the work go on."""


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def models(folder: Path) -> dict[str, bytes]:
    return {name: data for name, data in files(folder).items() if not name.endswith(".lock")}


def test_on_one_disk_no_byte_is_written_again(root: Path, tmp_path: Path) -> None:
    assert take_along(root, tmp_path / "large", quiet) == ["svd", "svd-xt"]
    assert models(tmp_path / "large") == models(root)
    for name in ("svd/unet/model.safetensors", "svd/weights.json"):
        assert (tmp_path / "large" / name).samefile(root / name)


@pytest.mark.usefixtures("other_disk")
def test_onto_another_disk_they_are_copied_and_the_bytes_told(root: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    take_along(root, tmp_path / "large", events.append)
    assert models(tmp_path / "large") == models(root)
    assert [event.done for event in events] == sorted(event.done for event in events)
    assert events[-1].done == events[-1].total == sum(map(len, models(root).values()))


@pytest.mark.usefixtures("other_disk")
def test_stopped_it_leaves_no_half_model_and_goes_on(root: Path, tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if event.done > len(DATA):
            raise Cancelled.asked()

    with pytest.raises(Cancelled):
        take_along(root, tmp_path / "large", stop)
    assert {path.name for path in (tmp_path / "large").iterdir() if path.is_dir()} <= {"svd"}
    take_along(root, tmp_path / "large", quiet)
    assert models(tmp_path / "large") == models(root)


def test_what_is_whole_there_already_stays_as_it_is(root: Path, tmp_path: Path) -> None:
    shutil.copytree(root / "svd", tmp_path / "large/svd")
    (tmp_path / "large/svd/mine.txt").write_text("of the person")
    take_along(root, tmp_path / "large", quiet)
    assert (tmp_path / "large/svd/mine.txt").exists()
    assert state_of(tmp_path / "large/svd-xt") == "incomplete"


def test_a_full_disk_is_told_at_once_and_leaves_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> Iterator[int]:
        yield 1
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(stock, "_brought", full)
    with pytest.raises(EngineError) as refused:
        take_along(root, tmp_path / "large", quiet)
    assert refused.value.code == "resource.disk_full"
    assert not [path for path in (tmp_path / "large").iterdir() if path.is_dir()]


def test_one_that_was_begun_there_gives_way_and_what_is_not_ours_stays(root: Path, tmp_path: Path) -> None:
    (tmp_path / "large/svd").mkdir(parents=True)
    (tmp_path / "large/svd" / MARKER).write_text("{}")
    (tmp_path / "large/svd/photo.jpg").write_text("of the person")
    with pytest.raises(EngineError):
        take_along(root, tmp_path / "large", quiet)
    assert (tmp_path / "large/svd/photo.jpg").exists()
    (tmp_path / "large/svd/photo.jpg").unlink()
    take_along(root, tmp_path / "large", quiet)
    assert models(tmp_path / "large") == models(root)


def test_a_folder_of_the_persons_is_not_replaced(root: Path, tmp_path: Path) -> None:
    (tmp_path / "large/svd").mkdir(parents=True)
    (tmp_path / "large/svd/photo.jpg").write_text("of the person")
    with pytest.raises(EngineError) as refused:
        take_along(root, tmp_path / "large", quiet)
    assert refused.value.code == "weights.not_ours"
    assert (tmp_path / "large/svd/photo.jpg").exists()


def test_while_a_model_is_fetched_it_does_not_go(root: Path, tmp_path: Path) -> None:
    with held(root, "svd"), pytest.raises(EngineError) as refused:
        take_along(root, tmp_path / "large", quiet)
    assert refused.value.code == "weights.in_use"


def test_to_where_they_are_nothing_goes(root: Path) -> None:
    before = files(root)
    assert take_along(root, root, quiet) == []
    assert files(root) == before
