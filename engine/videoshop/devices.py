"""What can compute on this machine, and how much of its memory is free now."""

import platform
from dataclasses import dataclass
from typing import Literal

import torch

from engine.machine import free_memory, total_memory

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
    free = min(total, free_memory() + torch.mps.driver_allocated_memory())
    return [Device("mps", platform.processor() or "Apple", free, total, True, False)]


def _cpu() -> Device:
    free, total = free_memory(), total_memory()
    return Device("cpu", "this machine", min(free, total), total, False, True)
