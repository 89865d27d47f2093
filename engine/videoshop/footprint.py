"""How much memory a model takes: its weights, and the most tensors that are alive at once while it runs.

Both are found on PyTorch's `meta` device, where tensors have shapes but no contents, so nothing is loaded or computed.
"""

import json
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLTemporalDecoder, UNetSpatioTemporalConditionModel
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from transformers import CLIPVisionConfig, CLIPVisionModelWithProjection

Pass = Callable[[], object]


@dataclass(frozen=True)
class ModelSize:
    """A model's size in numbers (not bytes: those depend on the precision).

    `network`, `image_encoder` and `vae` are parameters, `largest_layer` those of the network's largest layer. The rest
    is alive at the peak of one pass. It grows evenly with frames and area: of the network for each frame and latent
    pixel, plain, with forward chunking, and added for each of two batched conditions; of the VAE for each frame and
    pixel. Attention is counted as fused; where it is not, `heads` tables of latent pixels² scores come to it.
    """

    network: int
    image_encoder: int
    vae: int
    largest_layer: int
    network_alive: float
    network_alive_chunked: float
    network_alive_batched: float
    encoder_alive: float
    decoder_alive: float
    heads: int
    factor: int
    force_upcast: bool

    @classmethod
    def measured(cls, folder: Path) -> "ModelSize":
        """Of the model in `folder`, diffusers' layout; only its config.json files are read. Takes seconds.

        Raises OSError and ValueError when a config is missing or no JSON.
        """
        return cls.of(*(json.loads((folder / name / "config.json").read_text()) for name in _MODULES))

    @classmethod
    def of(cls, unet: Mapping[str, Any], vae: Mapping[str, Any], image_encoder: Mapping[str, Any]) -> "ModelSize":
        """Of the model that these configs describe.

        One with as many parameters as Stable Video Diffusion in every module is taken for it, which saves the seconds.
        """
        untyped_network: Any = UNetSpatioTemporalConditionModel
        untyped_vae: Any = AutoencoderKLTemporalDecoder
        with torch.device("meta"):
            network: nn.Module = untyped_network.from_config(dict(unet)).to("meta").eval()
            coder: Any = untyped_vae.from_config(dict(vae)).to("meta").eval()
            clip: nn.Module = CLIPVisionModelWithProjection(CLIPVisionConfig(**image_encoder))
        force_upcast = bool(coder.config.force_upcast)
        if [_parameters(module) for module in (network, clip, coder)] == [SVD.network, SVD.image_encoder, SVD.vae]:
            return replace(SVD, force_upcast=force_upcast)
        return cls._run(network, coder, clip, heads=_heads(unet), force_upcast=force_upcast)

    @classmethod
    def _run(cls, network: nn.Module, coder: Any, clip: nn.Module, *, heads: int, force_upcast: bool) -> "ModelSize":
        small, factor = _Small(network), 2 ** (len(coder.config.block_out_channels) - 1)
        plain, pair = small.alive(batch=1), small.alive(batch=2)
        small.chunk()
        chunked = small.alive(batch=1)
        side = _SIDE * factor
        pixels = _FRAMES * side * side
        images = torch.empty(_FRAMES, 3, side, side, device="meta")
        latents = torch.empty(_FRAMES, coder.config.latent_channels, _SIDE, _SIDE, device="meta")
        return cls(
            network=_parameters(network),
            image_encoder=_parameters(clip),
            vae=_parameters(coder),
            largest_layer=max(sum(p.numel() for p in layer.parameters(recurse=False)) for layer in network.modules()),
            network_alive=plain,
            network_alive_chunked=chunked,
            network_alive_batched=max(0.0, pair - plain),
            encoder_alive=alive(coder, lambda: coder.encode(images)) / pixels,
            decoder_alive=alive(coder, lambda: coder.decode(latents, num_frames=_FRAMES)) / pixels,
            heads=heads,
            factor=factor,
            force_upcast=force_upcast,
        )


_MODULES = ("unet", "vae", "image_encoder")
_FRAMES, _SIDE = 14, 16
"""Frames, and latent pixels along a side, of the passes that are measured. At 72×128 the numbers are within 1 % of
these; with fewer frames chunking saves less."""

SVD = ModelSize(
    network=1_524_623_082,
    image_encoder=632_076_800,
    vae=97_742_847,
    largest_layer=29_492_480,
    network_alive=8_650,
    network_alive_chunked=4_810,
    network_alive_batched=394,
    encoder_alive=640,
    decoder_alive=1024,
    heads=5,
    factor=8,
    force_upcast=True,
)
"""Stable Video Diffusion, as measured from its configs.

The network's peak is a GEGLU of the blocks with 320 channels, at full latent size: 2560 projected, 1280 gates through
GELU and 1280 products are 5,120 of the 8,650; the rest are skips, residuals and what the block was given. Chunked
forward takes the GEGLU frame by frame. The decoder's peak is a sum in the last block: 8 tensors of 128 channels at full
size; the encoder's, 5 tensors of 128 channels. For 14 frames of 576×1024 in half precision that is 2.2 GB a pass of the
network (4.7 GB in a pair, 1.2 GB chunked), 0.75 GB a frame encoded and 1.2 GB a frame decoded; the VAE in single
precision takes twice as much.
"""


def alive(model: nn.Module, run: Pass) -> int:
    """The most numbers alive at once during `run`, of those that it makes, where every tensor is float32 on `meta`."""
    counting = _Alive(model)
    with torch.no_grad(), _Fused(), counting:
        run()
    return counting.peak // 4


class _Small:
    """The network at a small size."""

    def __init__(self, network: nn.Module) -> None:
        self.network = network

    def chunk(self) -> None:
        untyped: Any = self.network
        untyped.enable_forward_chunking(1)

    def alive(self, *, batch: int) -> float:
        """For each condition, frame and latent pixel."""
        network: Any = self.network
        config = network.config
        width = config.cross_attention_dim
        run = _empty(batch, _FRAMES, config.in_channels, _SIDE, _SIDE), _empty(batch)
        told = {
            "encoder_hidden_states": _empty(batch, 1, width if isinstance(width, int) else width[0]),
            "added_time_ids": _empty(
                batch, config.projection_class_embeddings_input_dim // config.addition_time_embed_dim
            ),
        }
        peak = alive(network, lambda: network(*run, **told))
        return peak / (batch * _FRAMES * _SIDE * _SIDE)


class _Alive(TorchDispatchMode):  # type: ignore[no-untyped-call]  # its base is untyped
    """Counts the bytes of storages from when an operation makes them until Python lets go of them."""

    def __init__(self, model: nn.Module) -> None:
        untyped: Any = super()
        untyped.__init__()
        weights = [*model.parameters(), *model.buffers()]
        self._sizes: dict[int, int] = {tensor.untyped_storage()._cdata: 0 for tensor in weights}
        self._alive = 0
        self.peak = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, Tensor):
                self._count(tensor.untyped_storage())
        return made

    def _count(self, storage: torch.UntypedStorage) -> None:
        if storage._cdata not in self._sizes:
            self._sizes[storage._cdata] = storage.nbytes()
            self._alive += storage.nbytes()
            self.peak = max(self.peak, self._alive)
            weakref.finalize(storage, self._let_go, storage._cdata)

    def _let_go(self, storage: int) -> None:
        self._alive -= self._sizes.pop(storage, 0)


class _Fused(TorchFunctionMode):
    """Has attention make its result and nothing else, as the fused kernels do."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if func is scaled_dot_product_attention:
            return torch.empty_like(args[0] if args else kwargs["query"])
        return func(*args, **kwargs)


def _empty(*shape: int) -> Tensor:
    return torch.empty(shape, device="meta")


def _parameters(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())


def _heads(unet: Mapping[str, Any]) -> int:
    """Heads of the attention that sees the most latent pixels: the first block's that has attention."""
    heads = unet.get("num_attention_heads", (5, 10, 20, 20))
    return int(heads if isinstance(heads, int) else heads[0])
