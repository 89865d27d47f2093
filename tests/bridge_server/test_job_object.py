"""The job object of Windows: its structures as kernel32 has them, and what is asked of a simulated one."""

import ctypes
from typing import Any

import pytest

from bridge_server.desktop.job_object import BasicLimits, ExtendedLimits, InputOutput, JobObject, kernel32

JOB, PROCESS, REFUSED = 7, 8, 5


class Simulated:
    """Remembers the calls; refuses the one that is named."""

    def __init__(self, refused: str = "") -> None:
        self.refused, self.calls, self.open = refused, list[tuple[object, ...]](), set[int]()
        self.limits = ExtendedLimits()

    def _answer(self, name: str, *words: object) -> bool:
        self.calls.append((name, *words))
        return name != self.refused

    def CreateJobObjectW(self, security: None, name: None, /) -> int | None:  # noqa: N802
        if not self._answer("create"):
            return None
        self.open.add(JOB)
        return JOB

    def SetInformationJobObject(self, job: int, kind: int, limits: Any, size: int, /) -> int:  # noqa: N802
        address = ctypes.cast(limits, ctypes.POINTER(ExtendedLimits))
        ctypes.memmove(ctypes.byref(self.limits), address, size)
        return self._answer("set", job, kind, size)

    def OpenProcess(self, rights: int, inherit: bool, pid: int, /) -> int | None:  # noqa: N802
        if not self._answer("open", rights, inherit, pid):
            return None
        self.open.add(PROCESS)
        return PROCESS

    def AssignProcessToJobObject(self, job: int, process: int, /) -> int:  # noqa: N802
        return self._answer("assign", job, process)

    def CloseHandle(self, handle: int, /) -> int:  # noqa: N802
        self.open.remove(handle)
        return self._answer("close", handle)

    def GetLastError(self) -> int:  # noqa: N802
        return REFUSED


def test_the_structures_have_the_sizes_and_places_of_64_bit_windows() -> None:
    assert [ctypes.sizeof(kind) for kind in (BasicLimits, InputOutput, ExtendedLimits)] == [64, 48, 144]
    places = {name: getattr(BasicLimits, name).offset for name, _ in BasicLimits._fields_}
    assert list(places.values()) == [0, 8, 16, 24, 32, 40, 48, 56, 60]
    assert places["flags"] == 16
    assert [getattr(ExtendedLimits, name).offset for name, _ in ExtendedLimits._fields_] == [0, 64, 112, 120, 128, 136]


def test_a_job_takes_the_process_and_ends_it_with_the_last_handle() -> None:
    kernel = Simulated()
    job = JobObject.of(4321, None, kernel)
    assert kernel.calls == [
        ("create",),
        ("set", JOB, 9, 144),
        ("open", 0x0101, False, 4321),
        ("assign", JOB, PROCESS),
        ("close", PROCESS),
    ]
    assert (kernel.limits.basic.flags, kernel.limits.process_memory) == (0x2000, 0)
    assert kernel.open == {JOB}
    job.close()
    job.close()
    assert kernel.open == set()


def test_a_limit_of_memory_is_told_to_the_job() -> None:
    kernel = Simulated()
    JobObject.of(4321, 4 << 30, kernel)
    assert (kernel.limits.basic.flags, kernel.limits.process_memory) == (0x2100, 4 << 30)


@pytest.mark.parametrize("call", ["create", "set", "open", "assign"])
def test_a_refused_call_is_an_error_with_its_number_and_leaves_no_handle(call: str) -> None:
    kernel = Simulated(refused=call)
    with pytest.raises(OSError, match="was refused") as caught:
        JobObject.of(4321, None, kernel)
    assert caught.value.errno == REFUSED
    assert kernel.open == set()


def test_there_is_no_kernel32_elsewhere() -> None:
    with pytest.raises(OSError, match="of Windows"):
        kernel32()
