import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.engine.clips import panning, write_clip

FRAMES, WIDTH, HEIGHT = 6, 96, 64


@pytest.fixture
def case(tmp_path: Path) -> Callable[..., Path]:
    """Makes a case's folder in `tmp_path`/edits: a picture that pans by two pixels, with a red square painted on it in
    frame 2, and in the truth on every frame, there brighter by `off` levels. `told` goes into its case.json."""

    def make(name: str, *, truth: bool = False, off: int = 0, **told: object) -> Path:
        folder = tmp_path / "edits" / name
        folder.mkdir(parents=True)
        frames = panning(FRAMES, WIDTH, HEIGHT, 2)
        write_clip(folder / "source.mkv", frames, "bgr0")
        painted = [frame.copy() for frame in frames]
        for number, frame in enumerate(painted):
            frame[20:44, 44 - 2 * number : 68 - 2 * number] = (200, 40, 40)
        cv2.imwrite(str(folder / "edited.frame000002.png"), painted[2][..., ::-1])
        mask = np.zeros((HEIGHT, WIDTH), np.uint8)
        mask[20:44, 40:64] = 255
        cv2.imwrite(str(folder / "mask.frame000002.png"), mask)
        if truth:
            for number, frame in enumerate(painted):
                frame[20:44, 44 - 2 * number : 68 - 2 * number] += np.uint8(off)
            write_clip(folder / "truth.mkv", painted, "bgr0")
        if told:
            (folder / "case.json").write_text(json.dumps(told))
        return folder

    return make


@pytest.fixture
def broken(case: Callable[..., Path]) -> Path:
    """A case whose edited image is another clip's, which shows only when it is carried."""
    folder = case("broken")
    for number, path in enumerate(sorted(folder.glob("*.png"))):
        path.unlink()
        if not number:
            other = np.random.default_rng(0).integers(0, 255, (HEIGHT // 2, WIDTH // 2, 3), np.uint8)
            cv2.imwrite(str(folder / "edited.frame000002.png"), other)
    return folder
