"""Windows: a job object that ends a process with this one, however this one ends, and bounds its memory.

Written to the documented API of kernel32 and tested against its structures' sizes and a simulated kernel32; not yet run
on Windows.
"""

import ctypes
import sys
from typing import Protocol, Self

LIMIT_PROCESS_MEMORY = 0x00000100
"""JOB_OBJECT_LIMIT_PROCESS_MEMORY: what a process of the job commits beyond it is refused."""
LIMIT_KILL_ON_JOB_CLOSE = 0x00002000
"""JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE: the system closes our handle when we end, and so ends the job."""
EXTENDED_LIMIT_INFORMATION = 9
"""JobObjectExtendedLimitInformation, of JOBOBJECTINFOCLASS."""
PROCESS_TERMINATE, PROCESS_SET_QUOTA = 0x0001, 0x0100
"""The rights to a process that AssignProcessToJobObject asks for."""

DWORD, LARGE, SIZE, POINTER = ctypes.c_uint32, ctypes.c_int64, ctypes.c_size_t, ctypes.c_void_p


class BasicLimits(ctypes.Structure):
    """JOBOBJECT_BASIC_LIMIT_INFORMATION."""

    _fields_ = (
        ("per_process_user_time", LARGE),
        ("per_job_user_time", LARGE),
        ("flags", DWORD),
        ("minimum_working_set", SIZE),
        ("maximum_working_set", SIZE),
        ("active_processes", DWORD),
        ("affinity", SIZE),
        ("priority_class", DWORD),
        ("scheduling_class", DWORD),
    )


class InputOutput(ctypes.Structure):
    """IO_COUNTERS."""

    _fields_ = tuple((f"{what}_{unit}", ctypes.c_uint64) for unit in ("operations", "bytes") for what in "rwo")


class ExtendedLimits(ctypes.Structure):
    """JOBOBJECT_EXTENDED_LIMIT_INFORMATION."""

    _fields_ = (
        ("basic", BasicLimits),
        ("input_output", InputOutput),
        ("process_memory", SIZE),
        ("job_memory", SIZE),
        ("peak_process_memory", SIZE),
        ("peak_job_memory", SIZE),
    )


class Kernel32(Protocol):
    """What is asked of kernel32. Handles and booleans that are 0 or None tell a failure."""

    def CreateJobObjectW(self, security: None, name: None, /) -> int | None: ...  # noqa: N802
    def SetInformationJobObject(self, job: int, kind: int, limits: object, size: int, /) -> int: ...  # noqa: N802
    def OpenProcess(self, rights: int, inherit: bool, pid: int, /) -> int | None: ...  # noqa: N802
    def AssignProcessToJobObject(self, job: int, process: int, /) -> int: ...  # noqa: N802
    def CloseHandle(self, handle: int, /) -> int: ...  # noqa: N802
    def GetLastError(self) -> int: ...  # noqa: N802


class JobObject:
    """A job that lives as long as the handle to it, which nobody else holds: with the handle its processes end."""

    def __init__(self, kernel: Kernel32, memory: int | None) -> None:
        """`memory`: the most bytes that each of its processes may commit. Raises OSError."""
        self._kernel = kernel
        self._handle = self._done(kernel.CreateJobObjectW(None, None), "CreateJobObjectW")
        limits = ExtendedLimits()
        limits.basic.flags = LIMIT_KILL_ON_JOB_CLOSE
        if memory is not None:
            limits.basic.flags |= LIMIT_PROCESS_MEMORY
            limits.process_memory = memory
        try:
            size = ctypes.sizeof(limits)
            told = kernel.SetInformationJobObject(self._handle, EXTENDED_LIMIT_INFORMATION, ctypes.byref(limits), size)
            self._done(told, "SetInformationJobObject")
        except OSError:
            self.close()
            raise

    @classmethod
    def of(cls, pid: int, memory: int | None, kernel: Kernel32 | None = None) -> Self:
        """A job with one process, and what that starts from now on. Raises OSError."""
        job = cls(kernel if kernel is not None else kernel32(), memory)
        try:
            job.take(pid)
        except OSError:
            job.close()
            raise
        return job

    def take(self, pid: int) -> None:
        """Raises OSError."""
        process = self._done(self._kernel.OpenProcess(PROCESS_TERMINATE | PROCESS_SET_QUOTA, False, pid), "OpenProcess")
        try:
            self._done(self._kernel.AssignProcessToJobObject(self._handle, process), "AssignProcessToJobObject")
        finally:
            self._kernel.CloseHandle(process)

    def close(self) -> None:
        """End the job's processes, if any still run."""
        handle, self._handle = self._handle, 0
        if handle:
            self._kernel.CloseHandle(handle)

    def _done(self, answer: int | None, call: str) -> int:
        if not answer:
            raise OSError(self._kernel.GetLastError(), f"{call} was refused")
        return answer


def kernel32() -> Kernel32:
    """The system's, with its functions' types told. Raises OSError elsewhere than on Windows."""
    if sys.platform != "win32":
        raise OSError("job objects are of Windows")
    library = ctypes.WinDLL("kernel32", use_last_error=True)
    for name, result, arguments in (
        ("CreateJobObjectW", POINTER, (POINTER, ctypes.c_wchar_p)),
        ("SetInformationJobObject", ctypes.c_int, (POINTER, ctypes.c_int, POINTER, DWORD)),
        ("OpenProcess", POINTER, (DWORD, ctypes.c_int, DWORD)),
        ("AssignProcessToJobObject", ctypes.c_int, (POINTER, POINTER)),
        ("CloseHandle", ctypes.c_int, (POINTER,)),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    library.GetLastError = ctypes.get_last_error
    return library
