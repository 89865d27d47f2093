"""Folders of the tests' own for what the programs remember, and a browser."""

from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Playwright, async_playwright, expect

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


expect.set_options(timeout=60_000)

FLAGS = (
    "--disable-gpu",  # no card is emulated: its threads would only wait for work in circles
    "--host-resolver-rules=MAP evil.test 127.0.0.1",
    # Newer browsers ask before a public page reaches this machine; what is tested here is the bridge's own guard.
    "--disable-features=LocalNetworkAccessChecks",
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _browsers() -> AsyncIterator[list[Browser]]:
    """Those that were started for a module, the one in use last."""
    browsers: list[Browser] = []
    yield browsers
    for browser in browsers:
        await browser.close()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def _playwright() -> AsyncIterator[Playwright]:
    async with async_playwright() as playwright:
        yield playwright


@pytest_asyncio.fixture(loop_scope="module")
async def browser(_playwright: Playwright, _browsers: list[Browser]) -> Browser:
    """Chromium without windows, for which evil.test is this machine; another one where the last had to be killed."""
    if not (_browsers and _browsers[-1].is_connected()):
        program = needed("browser", ("chromium", "chromium-browser", "google-chrome"))
        _browsers.append(await _playwright.chromium.launch(executable_path=program, args=FLAGS))
    return _browsers[-1]
