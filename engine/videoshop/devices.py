"""What can compute on this machine, and how much of its memory is free now."""

import ctypes
import os
import platform
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

Kind = Literal["cuda", "mps", "xpu", "cpu"]

WITHOUT_HALF = ("GTX 16", "MX450", "T400", "T500", "T550", "T600", "T1000", "T1200")
"""NVIDIA cards of the Turing generation without tensor cores: on many, convolutions in half precision give NaN."""


@dataclass(frozen=True)
class Device:
    """Something to compute on. `free` and `total` are bytes; what this process holds itself counts as free.

    `half`: whether float16 is as sound as float32 and faster. `fused_attention`: whether attention runs without a table
    of all its scores in memory.
    """

    kind: Kind
    name: str
    free: int
    total: int
    half: bool
    fused_attention: bool
    index: int = 0

    @property
    def torch(self) -> torch.device:
        return torch.device(self.kind) if self.kind in ("cpu", "mps") else torch.device(self.kind, self.index)

    @property
    def shared(self) -> bool:
        """Whether its memory is the machine's own, so that modules that wait in it take as much as at work."""
        return self.kind in ("cpu", "mps")


@dataclass(frozen=True)
class Resources:
    """What is free now: `accelerators`, none or several, and the processor."""

    accelerators: tuple[Device, ...]
    cpu: Device


def resources() -> Resources:
    """What is free on this machine now, what others hold on a device left out."""
    return Resources((*_cuda(), *_xpu(), *_mps()), _cpu())


def _cuda() -> list[Device]:
    """NVIDIA's, and AMD's through ROCm."""
    if not torch.cuda.is_available():
        return []
    found = []
    for index in range(torch.cuda.device_count()):
        free, total = torch.cuda.mem_get_info(index)
        name = torch.cuda.get_device_name(index)
        amd = torch.version.hip is not None
        half = amd or (torch.cuda.get_device_capability(index) >= (6, 0) and not any(n in name for n in WITHOUT_HALF))
        fused = not amd or torch.backends.cuda.is_flash_attention_available()
        own = torch.cuda.memory_reserved(index)
        found.append(Device("cuda", name, min(free + own, total), total, half, fused, index))
    return found


def _xpu() -> list[Device]:
    if not torch.xpu.is_available():
        return []
    found = []
    for index in range(torch.xpu.device_count()):
        properties = torch.xpu.get_device_properties(index)
        free, total = torch.xpu.mem_get_info(index)
        own = torch.xpu.memory_reserved(index)
        found.append(Device("xpu", str(properties.name), min(free + own, total), total, True, False, index))
    return found


def _mps() -> list[Device]:
    if not torch.backends.mps.is_available():
        return []
    total = torch.mps.recommended_max_memory()
    free = min(total, _free_memory() + torch.mps.driver_allocated_memory())
    return [Device("mps", platform.processor() or "Apple", free, total, True, False)]


def _cpu() -> Device:
    free, total = _free_memory(), _total_memory()
    return Device("cpu", "this machine", min(free, total), total, False, True)


def _free_memory() -> int:
    """Bytes that programs can take without the system swapping."""
    if sys.platform == "win32":
        return _windows_memory()[1]
    if sys.platform == "darwin":
        return _darwin_free()
    free = _kilobytes("MemAvailable")
    limit = _limit()
    return min(free, limit - _used_of_limit()) if limit is not None else free


def _total_memory() -> int:
    if sys.platform == "win32":
        return _windows_memory()[0]
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    limit = _limit()
    return min(total, limit) if limit is not None else total


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
    """Total and free bytes."""
    status = _MemoryStatus()
    status.length = ctypes.sizeof(status)
    getattr(ctypes, "windll").kernel32.GlobalMemoryStatusEx(ctypes.byref(status))  # noqa: B009 (only on Windows)
    return int(status.total), int(status.free)
