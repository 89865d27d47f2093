"""The engine process, seen from its parent."""

import asyncio
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from bridge_server.desktop.frozen import own_engine
from bridge_server.errors import WorkerError
from bridge_server.worker import ENGINE as ENGINE_VARIABLE
from bridge_server.worker import EngineProcess, engine_command
from engine.request import Event, KeyframeFiles, Request
from tests.bridge_server.conftest import ENGINE, PATIENCE
from tests.bridge_server.processes import gone


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[EngineProcess]:
    engine = EngineProcess(ENGINE, PATIENCE)
    yield engine
    await engine.close()


def request(tmp_path: Path, **settings: str) -> dict[str, Any]:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"frames")
    asked = Request(clip=clip, keyframes=(KeyframeFiles(edited=clip),), output=tmp_path, settings=settings)
    return {"request": asked.model_dump(mode="json")}


async def test_a_question_is_answered_and_its_events_are_heard(engine: EngineProcess, tmp_path: Path) -> None:
    events: list[Event] = []
    done = await engine.ask("propagate", request(tmp_path, steps="2"), events.append)
    assert done == {"settings": {"steps": "2"}}
    assert [(event.stage, event.done) for event in events] == [("probe", 0), ("propagate", 1), ("propagate", 2)]


async def test_the_process_is_started_by_the_first_question_and_kept(engine: EngineProcess) -> None:
    assert engine.pid is None
    await engine.ask("probe", {})
    pid = engine.pid
    await engine.ask("probe", {})
    assert engine.pid == pid is not None


async def test_questions_asked_at_once_are_answered_one_after_the_other(engine: EngineProcess) -> None:
    answers = await asyncio.gather(engine.ask("probe", {}), engine.ask("locate", {}), engine.ask("probe", {}))
    assert [sorted(answer)[0] for answer in answers] == ["bits", "confidence", "bits"]


async def test_a_refusal_keeps_the_process(engine: EngineProcess, tmp_path: Path) -> None:
    await engine.ask("probe", {})
    pid = engine.pid
    with pytest.raises(WorkerError) as caught:
        await engine.ask("propagate", request(tmp_path, act="refuse"))
    assert (caught.value.code, caught.value.hint) == ("edit.size_differs", "Export it.")
    assert engine.pid == pid


async def test_a_cancelled_question_ends_within_a_second_and_keeps_the_process(engine: EngineProcess) -> None:
    working = asyncio.Event()
    asking = asyncio.create_task(engine.ask("sleep", {}, lambda event: working.set()))
    await working.wait()
    pid, started = engine.pid, time.monotonic()
    engine.cancel()
    with pytest.raises(WorkerError) as caught:
        await asking
    assert caught.value.cancelled
    assert time.monotonic() - started < 1
    assert engine.pid == pid


async def test_an_engine_that_does_not_listen_is_killed_and_replaced(engine: EngineProcess, tmp_path: Path) -> None:
    working = asyncio.Event()
    asking = asyncio.create_task(engine.ask("propagate", request(tmp_path, act="deaf"), lambda event: working.set()))
    await working.wait()
    pid = engine.pid
    assert pid is not None
    engine.cancel()
    with pytest.raises(WorkerError) as caught:
        await asking
    assert caught.value.cancelled
    assert gone(pid)
    assert (await engine.ask("locate", {}))["frame"] == 12


async def test_cancelling_nothing_does_nothing(engine: EngineProcess) -> None:
    engine.cancel()
    assert (await engine.ask("locate", {}))["frame"] == 12


async def test_a_crash_tells_the_signal_and_keeps_the_last_words(engine: EngineProcess, tmp_path: Path) -> None:
    with pytest.raises(WorkerError) as caught:
        await engine.ask("propagate", request(tmp_path, act="crash"))
    assert caught.value.code == "engine.crashed"
    assert "signal 9" in caught.value.message
    assert "the system may have run out of memory" in caught.value.message
    assert caught.value.ref
    assert "about to fall" in engine.stderr


async def test_a_process_that_died_between_questions_is_replaced(engine: EngineProcess) -> None:
    await engine.ask("probe", {})
    assert engine.pid is not None
    os.kill(engine.pid, signal.SIGKILL)
    await asyncio.sleep(0.2)
    assert (await engine.ask("locate", {}))["frame"] == 12


async def test_an_engine_that_stops_beating_is_hung(engine: EngineProcess, tmp_path: Path) -> None:
    with pytest.raises(WorkerError) as caught:
        await engine.ask("propagate", request(tmp_path, act="freeze"))
    assert caught.value.code == "engine.hung"
    assert engine.pid is None


async def test_an_answer_of_another_form_is_not_waited_for(engine: EngineProcess) -> None:
    with pytest.raises(WorkerError) as caught:
        await engine.ask("babble", {})
    assert caught.value.code == "engine.misunderstood"
    assert (await engine.ask("locate", {}))["frame"] == 12


@pytest.mark.skipif(sys.platform == "win32", reason="the engine of this test is a shell's")
async def test_a_program_that_falls_silent_for_good_is_no_engine_and_ends() -> None:
    other = EngineProcess(("sh", "-c", "exec sleep 60 >&-"), PATIENCE)
    asking = asyncio.create_task(other.ask("probe", {}))
    await asyncio.sleep(0.2)
    pid = other.pid
    assert pid is not None
    with pytest.raises(WorkerError) as caught:
        await asking
    assert caught.value.code == "engine.misunderstood"
    assert gone(pid)


async def test_a_fault_of_the_listener_is_not_swallowed_and_the_next_question_is_answered(
    engine: EngineProcess,
) -> None:
    def fail(event: Event) -> None:
        raise ValueError("a fault of the listener")

    with pytest.raises(ValueError, match="of the listener"):
        await engine.ask("sleep", {}, fail)
    assert (await engine.ask("locate", {}))["frame"] == 12


async def test_closing_cancels_the_running_question(engine: EngineProcess) -> None:
    working = asyncio.Event()
    asking = asyncio.create_task(engine.ask("sleep", {}, lambda event: working.set()))
    await working.wait()
    pid = engine.pid
    assert pid is not None
    await engine.close()
    with pytest.raises(WorkerError) as caught:
        await asking
    assert caught.value.cancelled
    assert gone(pid)


async def test_an_engine_that_cannot_start_is_said_so() -> None:
    with pytest.raises(WorkerError) as caught:
        await EngineProcess(("/no/such/engine",)).ask("probe", {})
    assert caught.value.code == "engine.cannot_start"


def test_another_engine_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(ENGINE_VARIABLE, raising=False)
    assert engine_command() == own_engine()
    monkeypatch.setenv(ENGINE_VARIABLE, "'/an env/python' -m engine.worker")
    assert engine_command() == ("/an env/python", "-m", "engine.worker")
