"""Damaged and hostile clips of every kind: the engine process answers, within its memory and time, and goes on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from bridge_server.errors import WorkerError
from bridge_server.worker import EngineProcess
from tests.end_to_end.hostile import spoilt
from tests.engine.media.fixtures import CLIPS

COPIES = 6
"""Damaged copies of each kind of clip."""
MEMORY, SECONDS = 4 << 30, 20
DOCUMENTED = ("clip.", "edit.", "resource.")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def engine() -> AsyncIterator[EngineProcess]:
    engine = EngineProcess(hard_memory=MEMORY)
    yield engine
    await engine.close()


async def answer(engine: EngineProcess, do: str, **arguments: str | int) -> str:
    """The code of the refusal, or “read”."""
    try:
        await engine.ask(do, dict(arguments), seconds=SECONDS)
    except WorkerError as error:
        return error.code
    return "read"


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("kind", CLIPS)
async def test_a_whole_clip_is_read_in_little_memory_and_a_damaged_one_is_read_or_refused(
    engine: EngineProcess, kind: str, tmp_path: Path
) -> None:
    clip, png = CLIPS[kind](tmp_path), str(tmp_path / "frame.png")
    assert await answer(engine, "probe", clip=str(clip)) == "read"
    assert await answer(engine, "frame", clip=str(clip), frame=7, output=png) == "read"
    pid = engine.pid
    for copy in spoilt(clip, tmp_path / "spoilt", kind, COPIES):
        codes = (
            await answer(engine, "probe", clip=str(copy)),
            await answer(engine, "frame", clip=str(copy), frame=7, output=png),
        )
        assert all(code == "read" or code.startswith(DOCUMENTED) for code in codes), (copy, codes)
    assert engine.pid == pid
