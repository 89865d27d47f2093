"""Folders of the tests' own for what the programs remember."""

from collections.abc import Iterator

import pytest

from bridge_server.desktop.paths import CONFIG, DATA


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_the_users_is_touched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    place = tmp_path_factory.mktemp("places")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CONFIG, str(place / "config"))
        patch.setenv(DATA, str(place / "data"))
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        patch.setenv("LOCALAPPDATA", str(place / "cache"))
        yield
