"""The demo: a real service, the client in Photoshop's place, a simulated engine."""

import json
import shlex
from pathlib import Path

import cv2
import numpy as np
import pytest

from bridge_server.demo.run import EDITS, BundledEdit, run
from bridge_server.errors import ServiceError
from bridge_server.worker import ENGINE as ENGINE_VARIABLE
from engine.request import Stage
from tests.bridge_server.conftest import ENGINE


class Watching:
    def __init__(self) -> None:
        self.stages: list[tuple[str, Stage]] = []
        self.name = ""

    def title(self, title: str) -> None:
        self.name = title

    def advance(self, stage: Stage, done: int, total: int) -> None:
        self.stages.append((self.name, stage))


@pytest.fixture
def edits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[BundledEdit]:
    monkeypatch.setenv(ENGINE_VARIABLE, shlex.join(ENGINE))
    edits = [BundledEdit(name, 20, "an edit", tmp_path) for name in ("box", "cup")]
    for edit in edits:
        edit.clip.write_bytes(edit.name.encode())
        cv2.imwrite(str(edit.edited), np.zeros((4, 6, 3), np.uint8))
        cv2.imwrite(str(edit.mask), np.zeros((4, 6), np.uint8))
    return edits


async def test_each_edit_leaves_its_result_and_pictures_to_look_at(edits: list[BundledEdit], tmp_path: Path) -> None:
    watching, output = Watching(), tmp_path / "out"
    made = await run(output, edits, watching)
    for name in ("box", "cup"):
        for file in ("flat.mp4", "layer.mov", "report.json", "contact_sheet.png", "side_by_side.mp4"):
            assert output / name / file in made
            assert (output / name / file).exists()
        assert (output / name / "flat.mp4").read_bytes() == name.encode()
        assert (name, "propagate") in watching.stages
        request = json.loads((output / name / "report.json").read_text())
        assert request["keyframes"][0]["frame"] == 20
        assert request["keyframes"][0]["mask"] is not None
    assert sorted(path.name for path in output.iterdir()) == ["box", "cup"]


async def test_the_demo_may_be_run_again_into_the_same_folder(edits: list[BundledEdit], tmp_path: Path) -> None:
    first = await run(tmp_path / "out", edits[:1], Watching())
    assert await run(tmp_path / "out", edits[:1], Watching()) == first


async def test_a_folder_that_cannot_be_made_is_said_so(edits: list[BundledEdit], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(ServiceError) as caught:
        await run(tmp_path / "file", edits, Watching())
    assert caught.value.code == "service.folder_unusable"


def test_what_is_bundled_is_there() -> None:
    assert [edit.name for edit in EDITS] == ["box", "cup"]
    for edit in EDITS:
        assert edit.clip.stat().st_size <= 1_000_000
        assert edit.edited.exists()
        assert edit.mask.exists()
