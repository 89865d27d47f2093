import os
from pathlib import Path

import pytest

from bridge_server.desktop.paths import CONFIG, DATA, Places
from bridge_server.desktop.runtime import probe
from bridge_server.desktop.runtime.upkeep import Options
from tests.bridge_server.desktop.runtime.wheels import Shelf, starts


@pytest.fixture
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Places:
    """The folders of a person who has nothing yet."""
    for name in [name for name in os.environ if name.startswith(("UV_", "VIDEOSHOP_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv(CONFIG, str(tmp_path / "config"))
    monkeypatch.setenv(DATA, str(tmp_path / "data"))
    return Places.of_user()


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    """Six small packages, locked for the backend `cpu`."""
    shelf = Shelf.of(tmp_path / "shelf")
    shelf.lock("cpu", probe.system())
    return shelf


@pytest.fixture
def options(shelf: Shelf) -> Options:
    return Options(wheels=shelf.wheels, locks=shelf.locks, trial=starts)
