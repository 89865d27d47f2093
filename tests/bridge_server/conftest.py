import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bridge_server.client import Client
from bridge_server.desktop.paths import Places
from bridge_server.server import BridgeServer
from bridge_server.worker import Patience

ENGINE = (sys.executable, "-m", "tests.bridge_server.fake_engine")
PATIENCE = Patience(silence=3.0, gentle=0.5, farewell=1.0)


@pytest.fixture
def places(tmp_path: Path) -> Places:
    return Places(tmp_path / "config", tmp_path / "data")


@pytest_asyncio.fixture
async def server(places: Places) -> AsyncIterator[BridgeServer]:
    async with BridgeServer(places, ports=(0,), engine=ENGINE, patience=PATIENCE) as server:
        yield server


@pytest_asyncio.fixture
async def client(server: BridgeServer, places: Places) -> AsyncIterator[Client]:
    async with await Client.connect(places) as client:
        yield client


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    clip = tmp_path / "a clip.mp4"
    clip.write_bytes(b"frames")
    return clip
