from pathlib import Path

import pytest

from tests.engine.clips import panning, write_clip


@pytest.fixture(autouse=True)
def _caches_stay_in_the_tests_folder(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path_factory.mktemp("cache")
    monkeypatch.setattr("platformdirs.user_cache_path", lambda *_, **__: folder)


@pytest.fixture(scope="session")
def pan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 frames of 192×108, 8-bit 4:2:0 without loss: a picture that moves left by two pixels a frame."""
    return write_clip(tmp_path_factory.mktemp("pan") / "pan.mkv", panning(24, 192, 108))


@pytest.fixture(scope="session")
def pan10(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """12 frames of 98×54, 10-bit 4:2:2 without loss, with the same motion."""
    return write_clip(tmp_path_factory.mktemp("pan10") / "pan.mkv", panning(12, 98, 54, seed=3), "yuv422p10le")
