"""What becomes of the engine process when nobody asks, when it takes too much, and when its parent sleeps or dies."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace

import pytest
import pytest_asyncio

from bridge_server.errors import WorkerError
from bridge_server.worker import EngineProcess
from tests.bridge_server.conftest import ENGINE, PATIENCE
from tests.bridge_server.processes import gone
from tests.bridge_server.supervisor import SILENCE

LITTLE, MUCH = 200_000_000, 400_000_000


@pytest_asyncio.fixture
async def engine() -> AsyncIterator[EngineProcess]:
    engine = EngineProcess(ENGINE, PATIENCE, memory=LITTLE)
    yield engine
    await engine.close()


async def pid_of(engine: EngineProcess) -> int:
    await engine.ask("locate", {})
    assert engine.pid is not None
    return engine.pid


# Nobody asks


async def test_an_engine_that_nobody_asks_ends_and_is_started_again_when_it_is_asked() -> None:
    engine = EngineProcess(ENGINE, replace(PATIENCE, idle=0.5))
    first = await pid_of(engine)
    assert await pid_of(engine) == first
    await asyncio.sleep(1.5)
    assert engine.pid is None
    assert gone(first)
    assert await pid_of(engine) != first
    await engine.close()


async def test_the_idle_time_begins_with_the_answer() -> None:
    engine = EngineProcess(ENGINE, replace(PATIENCE, idle=0.5))
    assert (await engine.ask("rest", {"seconds": 1.5})) == {"rested": True}
    assert engine.pid is not None
    await engine.close()


async def test_a_released_engine_is_gone_and_started_again_when_it_is_asked(engine: EngineProcess) -> None:
    await engine.release()
    first = await pid_of(engine)
    await engine.release()
    assert gone(first)
    assert await pid_of(engine) != first


async def test_a_busy_engine_is_not_released(engine: EngineProcess) -> None:
    asking = asyncio.create_task(engine.ask("rest", {"seconds": 1}))
    await asyncio.sleep(0.1)
    assert engine.busy
    await engine.release()
    assert await asking == {"rested": True}
    assert not engine.busy


async def test_an_engine_that_does_not_listen_is_released_firmly(engine: EngineProcess) -> None:
    pid = await pid_of(engine)
    os.kill(pid, signal.SIGSTOP)
    await engine.release()
    assert gone(pid)


async def test_a_question_that_comes_while_the_engine_is_let_go_gets_a_fresh_one(engine: EngineProcess) -> None:
    first = await pid_of(engine)
    os.kill(first, signal.SIGSTOP)
    releasing = asyncio.create_task(engine.release())
    await asyncio.sleep(0.1)
    assert await pid_of(engine) != first
    await releasing


async def test_a_question_that_waits_while_the_engine_is_let_go_can_be_cancelled(engine: EngineProcess) -> None:
    first = await pid_of(engine)
    os.kill(first, signal.SIGSTOP)
    releasing = asyncio.create_task(engine.release())
    await asyncio.sleep(0.1)
    asking = asyncio.create_task(engine.ask("rest", {"seconds": 60}))
    await asyncio.sleep(0.1)
    engine.cancel()
    with pytest.raises(WorkerError) as caught:
        await asking
    assert caught.value.cancelled
    await releasing
    assert engine.pid is None


# It takes too much


async def test_an_engine_that_takes_too_much_memory_is_stopped_and_says_what_helps(engine: EngineProcess) -> None:
    pid = await pid_of(engine)
    with pytest.raises(WorkerError) as caught:
        await engine.ask("hold", {"bytes": MUCH, "seconds": 60})
    assert (caught.value.code, caught.value.retryable) == ("engine.out_of_memory", True)
    assert "0.2 GB" in caught.value.message
    assert "shorter range" in caught.value.hint
    assert gone(pid)
    assert await pid_of(engine) != pid


async def test_an_engine_that_takes_too_much_after_its_answer_ends(engine: EngineProcess) -> None:
    pid = await pid_of(engine)
    await engine.ask("swell", {"bytes": MUCH})
    assert await asyncio.to_thread(gone, pid, 10)
    assert await pid_of(engine) != pid


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's addresses")
async def test_a_hard_limit_of_memory_refuses_and_keeps_the_process() -> None:
    engine = EngineProcess(ENGINE, PATIENCE, hard_memory=1 << 30)
    pid = await pid_of(engine)
    with pytest.raises(WorkerError) as caught:
        await engine.ask("hold", {"bytes": 2 << 30})
    assert caught.value.code == "resource.memory_full"
    assert await pid_of(engine) == pid
    await engine.close()


async def test_an_engine_whose_heart_beats_but_that_does_nothing_is_stuck() -> None:
    engine = EngineProcess(ENGINE, replace(PATIENCE, stall=2.5))
    pid = await pid_of(engine)
    with pytest.raises(WorkerError) as caught:
        await engine.ask("rest", {"seconds": 60})
    assert (caught.value.code, caught.value.retryable) == ("engine.hung", True)
    assert "did nothing" in caught.value.message
    assert gone(pid)
    await engine.close()


@pytest.mark.parametrize(("work", "stall"), [("sleep", 2.5), ("compute", 6.0)])
async def test_an_engine_that_tells_of_its_work_or_computes_is_not_stuck(work: str, stall: float) -> None:
    """A busy machine leaves it little of the processor's time."""
    engine = EngineProcess(ENGINE, replace(PATIENCE, stall=stall))
    with pytest.raises(WorkerError) as caught:
        await engine.ask(work, {}, seconds=stall + 2.5)
    assert caught.value.code == "engine.too_long"
    await engine.close()


async def test_a_question_that_takes_longer_than_it_may_is_given_up(engine: EngineProcess) -> None:
    pid = await pid_of(engine)
    with pytest.raises(WorkerError) as caught:
        await engine.ask("sleep", {}, seconds=0.5)
    assert (caught.value.code, caught.value.retryable) == ("engine.too_long", True)
    assert gone(pid)
    assert await pid_of(engine) != pid


async def test_a_question_within_its_time_is_answered(engine: EngineProcess) -> None:
    assert await engine.ask("rest", {"seconds": 1.5}, seconds=30) == {"rested": True}


# Its parent sleeps or dies


class Supervised:
    """A supervisor, and the engine that it waits for."""

    def __init__(self, supervisor: "subprocess.Popen[str]") -> None:
        assert supervisor.stdout is not None
        self.supervisor, self._said = supervisor, supervisor.stdout
        self.engine = int(self._said.readline())

    def answer(self) -> str:
        return self._said.readline().strip()


@contextmanager
def asking(do: str, **arguments: object) -> Iterator[Supervised]:
    command = [sys.executable, "-m", "tests.bridge_server.supervisor", do, json.dumps(arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            pair = Supervised(process)
            try:
                yield pair
            finally:
                with suppress(ProcessLookupError):
                    os.kill(pair.engine, signal.SIGKILL)
        finally:
            process.kill()


def test_an_engine_that_worked_on_while_the_service_slept_is_not_hung() -> None:
    with asking("rest", seconds=SILENCE + 3.5) as pair:
        pair.supervisor.send_signal(signal.SIGSTOP)
        time.sleep(SILENCE + 1.5)
        pair.supervisor.send_signal(signal.SIGCONT)
        assert pair.answer() == '{"rested": true}'


def test_an_engine_that_slept_with_the_service_is_not_hung() -> None:
    with asking("rest", seconds=SILENCE + 3.5) as pair:
        os.kill(pair.engine, signal.SIGSTOP)
        pair.supervisor.send_signal(signal.SIGSTOP)
        time.sleep(SILENCE + 1.5)
        pair.supervisor.send_signal(signal.SIGCONT)
        time.sleep(SILENCE - 0.9)  # more than was left of its patience before
        os.kill(pair.engine, signal.SIGCONT)
        assert pair.answer() == '{"rested": true}'


def test_an_engine_that_does_not_wake_with_the_service_is_hung() -> None:
    with asking("rest", seconds=60) as pair:
        os.kill(pair.engine, signal.SIGSTOP)
        pair.supervisor.send_signal(signal.SIGSTOP)
        time.sleep(SILENCE + 1.5)
        pair.supervisor.send_signal(signal.SIGCONT)
        assert pair.answer() == "engine.hung"
        assert gone(pair.engine)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere than on Linux no signal tells of a parent's death")
@pytest.mark.parametrize(("do", "stopped"), [("sleep", False), ("rest", False), ("rest", True)])
def test_no_engine_outlives_a_service_that_is_killed(do: str, stopped: bool) -> None:
    with asking(do, seconds=60) as pair:
        if stopped:
            os.kill(pair.engine, signal.SIGSTOP)
        pair.supervisor.kill()
        assert gone(pair.engine)
