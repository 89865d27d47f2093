"""What of a model and its work is in memory at a time: planned from what is free, made lighter where it runs out."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import product
from math import ceil
from typing import Literal

import torch

from engine.errors import ResourceError
from engine.videoshop.devices import Device, Kind, Resources, resources
from engine.videoshop.footprint import SVD, ModelSize
from engine.videoshop.placement import SCORES_BYTES, apply, is_out_of_memory, release

__all__ = [
    "LOW",
    "NORMAL",
    "SVD",
    "Device",
    "Estimate",
    "MemoryPlan",
    "ModelSize",
    "Resources",
    "apply",
    "is_out_of_memory",
    "lighter",
    "plan",
    "release",
    "resources",
]

Offload = Literal["none", "model", "sequential"]
Stage = Literal["encode", "network", "decode"]

NORMAL, LOW = 14_000_000_000, 8_000_000_000
"""Ceilings, in bytes, on an accelerator. More than NORMAL gains no speed, only fewer seams between decoded chunks, and
hosts and displays live on the same card. LOW leaves room for a host that paints on it while the method runs."""

HEADROOM = 400_000_000
"""Bytes of an accelerator that are left free: what other programs' windows and brushes grow by during a run."""

SHARED_HEADROOM = 1_500_000_000
"""The same of the machine's own memory, which the system, the engine's frames and every program share: it swaps
before it says no."""

WORKSPACE = 400_000_000
"""Bytes that come to the tensors: cuDNN's and cuBLAS's workspaces, the image encoder's activations, latents, images."""

FRAGMENTATION = 1.1
"""Allocators round sizes up and leave holes; of activations, whose sizes vary. Weights pack well."""

CHANNELS_LAST: frozenset[Kind] = frozenset()
"""Devices whose convolutions run with channels last. On a processor no gain above the noise was measured; a device
comes in here when it shows one."""

SEQUENTIAL_GUIDANCE, CHUNKED, SLICED = 2.0, 1.0, 4.0
SEAM, ENCODE_CHUNK = 0.5, 0.02
MODEL_OFFLOAD, SEQUENTIAL_OFFLOAD = 3.0, 80.0
BFLOAT16 = 20.0
"""What each way to save memory costs, in network passes, of which a first edit takes 39: estimates that only rank
plans.

Two batches of one instead of one of two leave a large card idle for a few percent of 26 passes. Offloading a module at
a time moves 4.6 GB four times over the bus; offloading layer by layer moves the network's 3 GB for every pass, at about
twice a pass's time on fast cards. A seam between decoded chunks costs little time, but is seen. bfloat16 on a processor
is slower where it is emulated, and everywhere coarser.
"""


@dataclass(frozen=True)
class Job:
    """What is to be run, on what. `host` are free bytes of the machine's own memory."""

    device: Device
    need: ModelSize
    frames: int
    height: int
    width: int
    host: int


@dataclass(frozen=True)
class Estimate:
    """Bytes in use on the device at the peak of each stage."""

    encode: int
    network: int
    decode: int

    @property
    def peak(self) -> int:
        return max(self.encode, self.network, self.decode)

    @property
    def total(self) -> int:
        return self.encode + self.network + self.decode

    def within(self, other: "Estimate") -> bool:
        """Whether no stage takes more than in `other`."""
        return self.encode <= other.encode and self.network <= other.network and self.decode <= other.decode


@dataclass(frozen=True)
class MemoryPlan:
    """How a model is run. `vae_dtype` is single precision where half would overflow and the VAE's config says so.

    `offload`: modules wait in the machine's memory and come to the device one at a time (model) or layer by layer
    (sequential). `forward_chunk`: frames that go through a feed-forward layer at once, None for all. `encode_chunk`
    and `decode_chunk` are frames. `batched_guidance`: both conditions in one batch of two.
    """

    device: torch.device
    dtype: torch.dtype
    vae_dtype: torch.dtype
    offload: Offload
    attention: Literal["fused", "sliced"]
    batched_guidance: bool
    forward_chunk: int | None
    encode_chunk: int
    decode_chunk: int
    channels_last: bool
    job: Job = field(repr=False)

    @property
    def estimate(self) -> Estimate:
        """Bytes in use on the device, stage by stage."""
        need, job = self.need, self.job
        half, vae = self.dtype.itemsize, need.vae * self.vae_dtype.itemsize
        weights = (need.network + need.image_encoder) * half + vae
        resident = {
            "none": (weights, weights, weights),
            "model": (max(vae, need.image_encoder * half), need.network * half, vae),
            "sequential": (2 * need.largest_layer * half,) * 3,  # one at work, the next on its way
        }[self.offload]
        pixels = job.height * job.width
        tokens = pixels // need.factor**2
        each = need.network_alive if self.forward_chunk is None else need.network_alive_chunked
        if self.batched_guidance:
            each = 2 * (each + need.network_alive_batched)
        active = (
            self.encode_chunk * pixels * need.encoder_alive * self.vae_dtype.itemsize
            + self._scores(1, tokens, self.encode_chunk, self.vae_dtype),
            job.frames * tokens * each * half
            + self._scores(need.heads, tokens, job.frames * (1 + self.batched_guidance), self.dtype),
            self.decode_chunk * pixels * need.decoder_alive * self.vae_dtype.itemsize
            + self._scores(1, tokens, self.decode_chunk, self.vae_dtype),
        )
        return Estimate(*(int(w + FRAGMENTATION * a + WORKSPACE) for w, a in zip(resident, active, strict=True)))

    def _scores(self, heads: int, tokens: int, images: int, dtype: torch.dtype) -> int:
        """Bytes of attention's scores and their softmax, where the device keeps them."""
        if self.job.device.fused_attention:
            return 0
        each = 2 * heads * tokens * tokens * dtype.itemsize
        return max(each, min(each * images, SCORES_BYTES)) if self.attention == "sliced" else each * images

    @property
    def need(self) -> ModelSize:
        return self.job.need

    @property
    def cost(self) -> float:
        """What the plan costs beside the fastest one, in network passes; seams that are seen count too."""
        seams = ceil(self.job.frames / self.decode_chunk) - 1
        return (
            (not self.batched_guidance) * SEQUENTIAL_GUIDANCE
            + (self.forward_chunk is not None) * CHUNKED
            + (self.attention == "sliced") * SLICED
            + seams * SEAM
            + ceil(self.job.frames / self.encode_chunk) * ENCODE_CHUNK
            + {"none": 0.0, "model": MODEL_OFFLOAD, "sequential": SEQUENTIAL_OFFLOAD}[self.offload]
            + (self.dtype == torch.bfloat16) * BFLOAT16
        )

    @property
    def told(self) -> str:
        """A line for the report."""
        parts = [_name(self.dtype) + (f" (VAE {_name(self.vae_dtype)})" if self.vae_dtype != self.dtype else "")]
        if self.offload != "none":
            parts.append("one model at a time" if self.offload == "model" else "one layer at a time")
        if not self.batched_guidance:
            parts.append("guidance in two passes")
        if self.forward_chunk is not None:
            parts.append("forward in chunks")
        if self.attention == "sliced":
            parts.append("attention in slices")
        if self.decode_chunk < self.job.frames:
            parts.append(f"decoded {self.decode_chunk} of {self.job.frames} frames at a time")
        about, free = self.estimate.peak / 1e9, self.job.device.free / 1e9
        kind = self.device.type
        where = kind if kind == "cpu" else f"{kind} ({self.job.device.name})"
        return f"{where}: {', '.join(parts)}; about {about:.1f} GB of {free:.1f} GB free"


def plan(
    free: Resources, need: ModelSize, frames: int, height: int, width: int, *, ceiling: int = NORMAL
) -> MemoryPlan:
    """The fastest plan that fits what is free, for `frames` images of `height` × `width` pixels.

    The accelerator with the most free memory is used; the processor where no accelerator could do it even when it had
    all its memory. `ceiling` bounds what is used of an accelerator. Raises ResourceError: device_busy when the
    lightest plan would fit the device but for other programs, memory_too_small when there is no device for it.
    """
    devices = sorted(free.accelerators, key=lambda device: -device.free)
    lightest: list[int] = []
    for device in (*devices, free.cpu):
        limit = device.total if device.kind == "cpu" else ceiling
        plans = list(_plans(Job(device, need, frames, height, width, free.cpu.free)))
        fitting = [plan for plan in plans if plan.estimate.peak <= _budget(device, device.free, limit)]
        if fitting:
            return _fastest(fitting)
        least = min(plan.estimate.peak for plan in plans)
        if least <= _budget(device, device.total, limit):
            headroom = device.free - _budget(device, device.free, device.free)
            raise ResourceError.device_busy(device.name, least + headroom, device.free)
        lightest.append(least)
    raise ResourceError.memory_too_small(min(lightest) + SHARED_HEADROOM, free.cpu.total)


def lighter(plan: MemoryPlan, during: Stage | None = None) -> MemoryPlan | None:
    """The next plan to try on the same device when memory ran out, `during` a stage if that is known; None at the end.

    No stage takes more than before, and the stage that failed, or else the highest, takes less: by a tenth where there
    is such a plan, since the estimate was wrong by an unknown amount. So this ends after a few steps.
    """

    def high(estimate: Estimate) -> int:
        return estimate.peak if during is None else int(getattr(estimate, during))

    now = plan.estimate
    less = [other for other in _plans(plan.job) if other.estimate.within(now) and high(other.estimate) < high(now)]
    much_less = [other for other in less if high(other.estimate) <= 0.9 * high(now)]
    return _fastest(much_less or less) if less else None


def _plans(job: Job) -> Iterator[MemoryPlan]:
    """Every way to do `job`."""
    device, frames = job.device, job.frames
    dtypes = [torch.float16] if device.half else [torch.float32]
    if device.kind == "cpu":
        dtypes.append(torch.bfloat16)
    waiting = (job.need.network + job.need.image_encoder + job.need.vae) * dtypes[0].itemsize
    offloads: list[Offload] = ["none"]
    if not device.shared and job.host - SHARED_HEADROOM >= waiting:
        offloads += ["model", "sequential"]
    chunks = _chunks(frames)
    attentions: list[Literal["fused", "sliced"]] = ["fused"] if device.fused_attention else ["fused", "sliced"]
    for dtype, offload, attention, batched, forward, encode, decode in product(
        dtypes, offloads, attentions, (True, False), (None, 1), [n for n in chunks if n <= 8], chunks
    ):
        vae = torch.float32 if dtype == torch.float16 and job.need.force_upcast else dtype
        yield MemoryPlan(
            device=device.torch,
            dtype=dtype,
            vae_dtype=vae,
            offload=offload,
            attention=attention,
            batched_guidance=batched,
            forward_chunk=forward,
            encode_chunk=encode,
            decode_chunk=decode,
            channels_last=device.kind in CHANNELS_LAST,
            job=job,
        )


def _chunks(frames: int) -> list[int]:
    """Sizes of chunks that `frames` can be cut into, the smallest for each number of chunks: 14 gives 14, 7, 5, 4 …"""
    return sorted({ceil(frames / count) for count in range(1, frames + 1)}, reverse=True)


def _budget(device: Device, free: int, ceiling: int) -> int:
    return min(ceiling, free - (SHARED_HEADROOM if device.shared else HEADROOM))


def _fastest(plans: Iterable[MemoryPlan]) -> MemoryPlan:
    return min(plans, key=lambda plan: (plan.cost, plan.estimate.total))


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
