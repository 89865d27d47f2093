"""Cost of the `videoshop` method: seconds a stage, passes, peak memory; beside the same work done the released way.

`--full-size`: random weights at SVD's real size, 14 frames of 576×1024, in half precision; needs a GPU with 14 GB free.
Without it: a small model and small frames, in single precision, on the CPU. Figures of quality need trained weights:
`python -m tests.benchmarks videoshop`.
"""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from diffusers import AutoencoderKLTemporalDecoder, EulerDiscreteScheduler, UNetSpatioTemporalConditionModel
from torch import Tensor
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from engine.method import Passes
from engine.request import VideoshopSettings
from engine.videoshop import memory
from engine.videoshop.pipeline import VideoshopPipeline
from engine.videoshop.stages import Noise, Videoshop
from tests.benchmarks.figures import Figures

FRAMES = 14


@dataclass(frozen=True)
class Scale:
    """Sizes of the model and of what it works on."""

    height: int
    width: int
    unet: tuple[int, ...]
    heads: tuple[int, ...]
    layers: int
    cross: int
    time: int
    vae: tuple[int, ...]
    clip_width: int
    clip_layers: int
    clip_heads: int
    clip_patch: int

    @property
    def area_side(self) -> int:
        return int((self.height * self.width) ** 0.5) // 8


FULL = Scale(576, 1024, (320, 640, 1280, 1280), (5, 10, 20, 20), 2, 1024, 256, (128, 256, 512, 512), 1280, 32, 16, 14)
SMALL = Scale(64, 96, (32, 64, 64, 64), (2, 2, 2, 2), 1, 32, 32, (32, 32, 32, 32), 32, 2, 4, 56)


def random_model(scale: Scale, device: str, dtype: torch.dtype) -> VideoshopPipeline:
    """A model of SVD's architecture with random weights."""
    # Diffusers' modules are not typed.
    unet_of: Any = UNetSpatioTemporalConditionModel
    vae_of: Any = AutoencoderKLTemporalDecoder
    scheduler_of: Any = EulerDiscreteScheduler
    torch.manual_seed(0)
    with torch.device(device):
        unet = unet_of(
            sample_size=scale.area_side,
            num_frames=FRAMES,
            block_out_channels=scale.unet,
            num_attention_heads=scale.heads,
            layers_per_block=scale.layers,
            cross_attention_dim=scale.cross,
            addition_time_embed_dim=scale.time,
            projection_class_embeddings_input_dim=3 * scale.time,
        )
        vae = vae_of(
            block_out_channels=scale.vae,
            down_block_types=("DownEncoderBlock2D",) * len(scale.vae),
            layers_per_block=scale.layers,
            latent_channels=4,
        )
        vision = CLIPVisionConfig(
            hidden_size=scale.clip_width,
            intermediate_size=4 * scale.clip_width,
            num_hidden_layers=scale.clip_layers,
            num_attention_heads=scale.clip_heads,
            patch_size=scale.clip_patch,
            projection_dim=scale.cross,
        )
        encoder: Any = CLIPVisionModelWithProjection(vision)
    for module in (unet, vae, encoder):
        module.to(dtype=dtype).eval()
    return VideoshopPipeline(vae, encoder, unet, scheduler_of(), CLIPImageProcessor())


@dataclass
class Stages:
    """Seconds by stage, the device's queue drained at both ends."""

    device: str
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        self._drain()
        began = time.perf_counter()
        yield
        self._drain()
        self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - began

    def _drain(self) -> None:
        if self.device == "cuda":
            torch.cuda.synchronize()

    @property
    def total(self) -> float:
        return sum(self.seconds.values())


def first_edit(
    work: Videoshop, frames: Tensor, edited: Tensor, noise: Noise, stages: Stages, decode_chunk: int = FRAMES
) -> Tensor:
    """All stages; returns the inverted latent for a second edit."""
    with stages("encode"):
        clip = work.prepare(frames, noise)
    with stages("invert"):
        *_, inverted = work.invert(clip, noise)
    again(work, inverted, edited, noise, stages, decode_chunk)
    return inverted


def again(
    work: Videoshop, inverted: Tensor, edited: Tensor, noise: Noise, stages: Stages, decode_chunk: int = FRAMES
) -> None:
    """What an edit of an inverted clip costs."""
    with stages("generate"):
        *_, generated = work.generate(inverted, edited, noise)
    with stages("decode"):
        for _ in work.pipeline.decode(work.finish(generated, work.pipeline.encode(edited)), chunk=decode_chunk):
            pass


def released_way(work: Videoshop, frames: Tensor, edited: Tensor, noise: Noise, stages: Stages) -> None:
    """The same work as the released code orders it: frames encoded once more for their shape, a decode thrown away."""
    first_edit(work, frames, edited, noise, stages)
    with stages("encoded again"):
        latents = work.pipeline.encode(frames)
    with stages("decoded and thrown away"):
        for _ in work.pipeline.decode(latents):
            pass


def run() -> int:
    full = "--full-size" in sys.argv
    if full and not torch.cuda.is_available():
        print("--full-size needs a CUDA device.", file=sys.stderr)
        return 2
    device, dtype, scale = ("cuda", torch.bfloat16, FULL) if full else ("cpu", torch.float32, SMALL)
    figures = Figures()
    pipeline = random_model(scale, device, dtype)
    work = Videoshop(pipeline, VideoshopSettings(preset="reference"), batched_guidance=full)
    frames = torch.rand(FRAMES, 3, scale.height, scale.width, generator=torch.Generator().manual_seed(1))
    edited = frames[:1].flip(-1)
    noise = Noise.drawn(0, FRAMES, scale.height, scale.width, pipeline.latent_shape(scale.height, scale.width))
    where = torch.cuda.get_device_name() if full else "CPU"
    print(f"{FRAMES} frames of {scale.width}×{scale.height}, {str(dtype).removeprefix('torch.')}, {where}")

    kept: list[Tensor] = []
    timed(work, "warm-up", lambda stages: kept.append(first_edit(work, frames, edited, noise, stages)))
    first, passes, peak = timed(work, "first edit", lambda stages: first_edit(work, frames, edited, noise, stages))
    second, more, _ = timed(work, "second edit", lambda stages: again(work, kept[0], edited, noise, stages))
    released, _, _ = timed(work, "the released way", lambda stages: released_way(work, frames, edited, noise, stages))

    figures.show("network passes, first edit", passes.network, most=39)
    figures.show("VAE frames encoded, first edit", passes.vae_encoded, most=17)
    figures.show("VAE frames decoded, first edit", passes.vae_decoded, most=14)
    figures.show("network passes, second edit", more.network, most=26)
    figures.show("VAE frames encoded, second edit", more.vae_encoded, most=2)
    figures.show("first edit over the released way", first / released, "", most=1 if full else None)
    if full:
        figures.show("first edit", first, "s", most=8)
        figures.show("second edit", second, "s", most=5)
        figures.show("peak memory", peak, "GB", most=14)
        lean = memory.plan(memory.resources(), memory.SVD, FRAMES, scale.height, scale.width, ceiling=memory.LOW)
        memory.apply(pipeline, lean)
        work = Videoshop(pipeline, VideoshopSettings(preset="reference"), encode_chunk=lean.encode_chunk)
        _, _, peak = timed(
            work, lean.told, lambda stages: first_edit(work, frames, edited, noise, stages, lean.decode_chunk)
        )
        figures.show("peak memory, low-memory mode", peak, "GB", most=8)
    return figures.end()


def timed(work: Videoshop, name: str, do: Callable[[Stages], object]) -> tuple[float, Passes, float]:
    """Seconds, passes and peak memory (GB, of a CUDA device) of `do`, told by stage."""
    device = work.pipeline.at_work.type
    work.pipeline.passes = Passes()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
    stages = Stages(device)
    do(stages)
    peak = torch.cuda.max_memory_allocated() / 1e9 if device == "cuda" else 0.0
    told = ", ".join(f"{stage} {seconds:.2f}" for stage, seconds in stages.seconds.items())
    print(f"{name}: {stages.total:.2f} s ({told})", flush=True)
    return stages.total, work.pipeline.passes, peak
