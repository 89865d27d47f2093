"""The machine's own memory: what it has, what is free, what this process holds. Bytes everywhere."""

import ctypes
import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path


def free_memory() -> int:
    """What programs can take without the system swapping."""
    if sys.platform == "win32":
        return _windows_memory()[1]
    if sys.platform == "darwin":
        return _darwin_free()
    free = _kilobytes("MemAvailable")
    limit = _limit()
    return min(free, limit - _used_of_limit()) if limit is not None else free


def total_memory() -> int:
    if sys.platform == "win32":
        return _windows_memory()[0]
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _limit()
    return min(total, limit) if limit is not None else total


def resident_memory() -> int:
    """Bytes of memory that this process holds.

    On Linux without the pages of files that it maps, such as a model's weights, which the system takes back when it
    needs them. On macOS the most that the process ever held.
    """
    if sys.platform == "win32":
        return _windows_working_set()
    if sys.platform == "darwin":
        import resource

        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    resident, of_files = Path("/proc/self/statm").read_text().split()[1:3]
    return (int(resident) - int(of_files)) * os.sysconf("SC_PAGE_SIZE")


def _kilobytes(name: str) -> int:
    """A line of /proc/meminfo, in bytes."""
    lines = Path("/proc/meminfo").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{name}:"))


_GROUP = Path("/sys/fs/cgroup")


def _limit() -> int | None:
    """What the container may take, where it is bounded."""
    with suppress(OSError, ValueError):
        return int((_GROUP / "memory.max").read_text())
    return None


def _used_of_limit() -> int:
    """What the container has taken, without the files that the system would drop from memory."""
    used = int((_GROUP / "memory.current").read_text())
    stat = dict(line.split() for line in (_GROUP / "memory.stat").read_text().splitlines())
    return max(0, used - int(stat.get("inactive_file", 0)))


def _darwin_free() -> int:
    """Free, inactive and purgeable pages, as `vm_stat` counts them."""
    told = subprocess.run(["/usr/bin/vm_stat"], capture_output=True, text=True, check=True).stdout
    head, *lines = told.splitlines()
    page = int(head.split("page size of")[1].split()[0])
    pages = {name: int(count.strip(" .")) for name, _, count in (line.partition(":") for line in lines) if count}
    return page * sum(pages.get(name, 0) for name in ("Pages free", "Pages inactive", "Pages purgeable"))


class _MemoryStatus(ctypes.Structure):
    """MEMORYSTATUSEX of the Windows API."""

    _fields_ = (
        ("length", ctypes.c_ulong),
        ("load", ctypes.c_ulong),
        *((name, ctypes.c_ulonglong) for name in ("total", "free", "f", "g", "h", "i", "j")),
    )


def _windows_memory() -> tuple[int, int]:
    """Total and free."""
    status = _MemoryStatus()
    status.length = ctypes.sizeof(status)
    getattr(ctypes, "windll").kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # noqa: B009 (only on Windows)
    return int(status.total), int(status.free)


class _ProcessMemory(ctypes.Structure):
    """PROCESS_MEMORY_COUNTERS of the Windows API."""

    _fields_ = (
        ("length", ctypes.c_ulong),
        ("page_faults", ctypes.c_ulong),
        *((name, ctypes.c_size_t) for name in ("peak", "working_set", "a", "b", "c", "d", "pagefile", "e")),
    )


def _windows_working_set() -> int:
    """What of this process is in memory. `GetCurrentProcess` is the handle −1."""
    counters = _ProcessMemory()
    counters.length = ctypes.sizeof(counters)
    kernel32 = getattr(ctypes, "windll").kernel32  # noqa: B009 (only on Windows)
    kernel32.K32GetProcessMemoryInfo(ctypes.c_void_p(-1), ctypes.byref(counters), counters.length)
    return int(counters.working_set)
