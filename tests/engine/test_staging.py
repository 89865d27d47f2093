from pathlib import Path

import pytest

from engine.errors import OutputError
from engine.staging import Staging


def files(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): path.read_text() for path in folder.rglob("*") if path.is_file()}


def make(staging: Staging, text: str) -> None:
    (staging.folder / "flat").mkdir()
    for name in ("flat/1.png", "layer.mov", "report.json"):
        (staging.folder / name).write_text(text)


def test_what_is_published_takes_the_place_of_the_previous_result(tmp_path: Path) -> None:
    for text in ("first", "second"):
        with Staging(tmp_path / "out") as staging:
            make(staging, text)
            staging.publish(["flat", "report.json", "layer.mov"])
    assert files(tmp_path / "out") == dict.fromkeys(["flat/1.png", "layer.mov", "report.json"], "second")


def test_a_publication_that_fails_midway_puts_the_previous_result_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Staging(tmp_path / "out") as staging:
        make(staging, "first")
        staging.publish(["flat", "layer.mov", "report.json"])
    rename = Path.rename

    def locked(path: Path, target: Path) -> Path:
        if path.parent.name == ".unfinished" and path.name == "layer.mov":
            raise PermissionError
        return rename(path, target)

    with Staging(tmp_path / "out") as staging:
        make(staging, "second")
        monkeypatch.setattr(Path, "rename", locked)
        with pytest.raises(OutputError):
            staging.publish(["flat", "layer.mov", "report.json"])
    assert files(tmp_path / "out") == dict.fromkeys(["flat/1.png", "layer.mov", "report.json"], "first")


def test_folders_made_for_a_job_that_failed_are_removed_and_others_stay(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    with pytest.raises(RuntimeError), Staging(tmp_path / "mine" / "new" / "out"):
        raise RuntimeError
    assert [path.name for path in tmp_path.rglob("*")] == ["mine"]


def test_what_was_not_published_is_gone_and_a_folder_that_was_there_stays_with_what_is_in_it(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    staging = Staging(tmp_path)
    with staging:
        make(staging, "half")
    assert files(tmp_path) == {"notes.txt": "mine"}
