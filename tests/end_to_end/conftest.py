"""Folders of the tests' own for what the programs remember, and a browser."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, async_playwright

from bridge_server.desktop.paths import CONFIG, DATA
from tests.needs import needed


@pytest.fixture(scope="session", autouse=True)
def _nothing_of_the_users_is_touched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    place = tmp_path_factory.mktemp("places")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CONFIG, str(place / "config"))
        patch.setenv(DATA, str(place / "data"))
        patch.setenv("XDG_CACHE_HOME", str(place / "cache"))
        patch.setenv("LOCALAPPDATA", str(place / "cache"))
        yield


FLAGS = (
    "--host-resolver-rules=MAP evil.test 127.0.0.1",
    # Newer browsers ask before a public page reaches this machine; what is tested here is the bridge's own guard.
    "--disable-features=LocalNetworkAccessChecks",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """Chromium without windows, for which evil.test is this machine."""
    program = needed("browser", ("chromium", "chromium-browser", "google-chrome"))
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield browser
        await browser.close()
