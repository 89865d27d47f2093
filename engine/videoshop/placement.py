"""A pipeline's modules laid out in memory as a plan says, and memory given back."""

import gc
from typing import TYPE_CHECKING, Any

import torch
from accelerate import cpu_offload  # type: ignore[import-untyped]  # it has no types
from accelerate.hooks import CpuOffload, add_hook_to_module  # type: ignore[import-untyped]  # it has no types
from accelerate.utils import send_to_device  # type: ignore[import-untyped]  # it has no types
from diffusers.models.attention_processor import AttnProcessor2_0
from torch import Tensor, nn

if TYPE_CHECKING:
    from engine.videoshop.memory import MemoryPlan

SCORES_BYTES = 500_000_000
"""The most that attention in slices keeps of its scores at a time. Below 4 GB, Metal's limit for one array."""

OUT_OF_MEMORY = (
    "out of memory",  # CUDA, ROCm, XPU, Metal
    "out_of_device_memory",  # Level Zero
    "out_of_host_memory",
    "out_of_resources",  # the same, when a kernel's scratch does not fit
    "alloc_failed",  # cuBLAS and cuDNN
    "can't allocate memory",  # PyTorch's allocator for the processor
    "not enough memory",  # the same, on Windows
    "invalid buffer size",  # Metal: one array above its limit
    "larger than currently supported by the mps backend",
)
"""What errors say, in small letters, that less memory at a time would avoid."""


def is_out_of_memory(error: BaseException) -> bool:
    """Whether `error`, or one that led to it, says that memory ran out on any device."""
    seen: BaseException | None = error
    while seen is not None:
        if isinstance(seen, MemoryError | torch.OutOfMemoryError):
            return True
        if isinstance(seen, RuntimeError) and any(words in str(seen).lower() for words in OUT_OF_MEMORY):
            return True
        seen = seen.__cause__
    return False


def release() -> None:
    """Give memory that nothing uses back to the devices, so that they and other programs have it.

    What a name still refers to stays: drop the pipeline, its outputs and a caught error first. An error keeps
    everything alive that the failed functions had at hand.
    """
    gc.collect()
    cuda: Any = torch.cuda
    if cuda.is_available():
        cuda.empty_cache()
        cuda.ipc_collect()
    if torch.xpu.is_available():
        torch.xpu.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()


def apply(pipeline: Any, plan: "MemoryPlan") -> None:
    """Lay out a VideoshopPipeline as `plan` says, whatever plan it followed before.

    What changes results, as the largest difference relative to the largest value, measured on a small random model:

    - forward chunking, offloading: nothing;
    - attention in slices, channels last, encoding in chunks, guidance in one batch: the order of sums, below 1e-5;
    - float16: 2e-3 of a pass of the network; bfloat16: 2e-2, and 1e-2 of an image;
    - decoding in chunks: up to 0.2 where a chunk begins or ends, since the decoder sees neighbours within one only. A
      trained decoder leans on them less than a random one, yet seams can be seen.

    The chunks of the VAE and batched guidance are arguments of the pipeline's calls: here nothing is done for them.
    """
    pipeline.remove_all_hooks()
    release()
    unet, vae, clip = pipeline.unet, pipeline.vae, pipeline.image_encoder
    unet.to(dtype=plan.dtype)
    clip.to(dtype=plan.dtype)
    vae.to(dtype=plan.vae_dtype)
    for block in unet.modules():
        if hasattr(block, "set_chunk_feed_forward"):
            block.set_chunk_feed_forward(chunk_size=plan.forward_chunk, dim=0)
    kinds: dict[str, Any] = {"fused": AttnProcessor2_0, "sliced": SlicedAttention}
    processor = kinds[plan.attention]()
    unet.set_attn_processor(processor)
    vae.set_attn_processor(processor)
    for layer in (*unet.modules(), *vae.modules()):
        if isinstance(layer, nn.Conv2d | nn.Conv3d):
            last = torch.channels_last if isinstance(layer, nn.Conv2d) else torch.channels_last_3d
            layout = last if plan.channels_last else torch.contiguous_format
            layer.weight.data = layer.weight.data.contiguous(memory_format=layout)
    modules = [unet, vae, clip]
    for module in modules:
        module.to(plan.device if plan.offload == "none" else "cpu")
    if plan.offload == "model":
        take_turns(modules, plan.device)
    elif plan.offload == "sequential":
        for module in modules:
            cpu_offload(module, plan.device)  # as diffusers' enable_sequential_cpu_offload does
    release()


class SlicedAttention(AttnProcessor2_0):
    """Scaled dot-product attention for some of a batch at a time, so that its scores take at most SCORES_BYTES.

    For devices that keep the scores of a call in memory. Items of a batch do not see each other, so results are equal
    up to rounding.
    """

    def __call__(
        self,
        attn: Any,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        temb: Tensor | None = None,
        *args: Any,
        **kwargs: Any,
    ) -> Tensor:
        run: Any = super().__call__
        queries = hidden_states.shape[1] if hidden_states.ndim == 3 else hidden_states[0, 0].numel()
        keys = queries if encoder_hidden_states is None else encoder_hidden_states.shape[1]
        each = int(attn.heads) * queries * keys * hidden_states.element_size()
        some = max(1, SCORES_BYTES // (2 * each))  # the scores and their softmax
        if some >= len(hidden_states) or attention_mask is not None:
            result: Tensor = run(attn, hidden_states, encoder_hidden_states, attention_mask, temb, *args, **kwargs)
            return result
        shown = torch.split(hidden_states, some)
        told = [None] * len(shown) if encoder_hidden_states is None else torch.split(encoder_hidden_states, some)
        return torch.cat([run(attn, *pair, None, temb, *args, **kwargs) for pair in zip(shown, told, strict=True)])


class _Turn(CpuOffload):  # type: ignore[misc]  # accelerate is untyped
    """Moves a module to its device when it runs, and the others away from it first.

    The hook that diffusers' `enable_model_cpu_offload` sets only moves one other module away, the one before it in a
    fixed order. Here the VAE runs before the network and after it, and would stay beside it.
    """

    def __init__(self, device: torch.device, others: list[nn.Module]) -> None:
        super().__init__(execution_device=device)
        self.others = others

    def pre_forward(self, module: nn.Module, *args: Any, **kwargs: Any) -> tuple[Any, Any]:
        if next(module.parameters()).device.type != self.execution_device.type:
            for other in self.others:
                other.to("cpu")
            release()
            module.to(self.execution_device)
        return send_to_device(args, self.execution_device), send_to_device(kwargs, self.execution_device)


def take_turns(modules: list[nn.Module], device: torch.device) -> None:
    """Have each of `modules` on `device` only while it runs, or until another one does."""
    for module in modules:
        add_hook_to_module(module, _Turn(device, [other for other in modules if other is not module]))
