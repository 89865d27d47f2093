"""A small model of Stable Video Diffusion's architecture, to be trained on the procedural world."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKLTemporalDecoder, EulerDiscreteScheduler, UNetSpatioTemporalConditionModel
from transformers import CLIPImageProcessor, CLIPVisionConfig, CLIPVisionModelWithProjection

from engine.videoshop import weights
from engine.videoshop.configs import FEATURE_EXTRACTOR, SCHEDULER
from engine.videoshop.pipeline import VideoshopPipeline
from tests.engine.videoshop.small import write_folder
from tests.world.objectives import LOG_SIGMA_MEAN
from tests.world.scene import CALM, LIVELY, Temper

HEAD_WIDTH = 32
FIRST_LOG_VARIANCE = -6.0
"""Of latents, before training."""
MOST_BYTES = 12_000_000
"""What the tensors of a model that goes into the repository may take on disk."""


@dataclass(frozen=True)
class Recipe:
    """Sizes of the model and of what it is trained on. The defaults make the model that is worth keeping."""

    vae: tuple[int, ...] = (64, 64)
    """Channels by level; every level but the last halves the picture."""
    vae_layers: int = 1
    unet: tuple[int, ...] = (64, 96)
    unet_layers: int = 1
    clip_width: int = 64
    clip_layers: int = 2
    frames: int = 8
    sides: tuple[int, ...] = (32, 32, 64)
    """Sides of the square clips, taken in turn; the model says that the last is its own."""
    vae_clips: int = 1
    """Clips a step, at the first of `sides`; fewer at larger ones, for the same number of pixels."""
    unet_clips: int = 2
    temper: Temper = LIVELY
    log_sigma: float = LOG_SIGMA_MEAN
    """The mean noise that the network is shown."""

    @property
    def factor(self) -> int:
        """Pixels a latent, along each side."""
        return int(2 ** (len(self.vae) - 1))


SECOND = Recipe(sides=(32,), temper=CALM, log_sigma=0.7)
"""What the model that is kept learned last, from what `Recipe()` had taught it."""

MINIMAL = Recipe(
    vae=(32, 32), unet=(32, 32), clip_width=32, clip_layers=1, frames=2, sides=(16,), vae_clips=1, unet_clips=1
)
"""For tests of the training itself."""


def untrained(recipe: Recipe, seed: int) -> VideoshopPipeline:
    """The model as its modules initialise themselves, the same for the same seed, in single precision on the CPU."""
    # Diffusers' modules are not typed.
    unet_of: Any = UNetSpatioTemporalConditionModel
    vae_of: Any = AutoencoderKLTemporalDecoder
    scheduler_of: Any = EulerDiscreteScheduler
    shallow = len(recipe.unet) - 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet = unet_of(
            sample_size=recipe.sides[-1] // recipe.factor,
            num_frames=recipe.frames,
            block_out_channels=recipe.unet,
            down_block_types=("CrossAttnDownBlockSpatioTemporal",) * shallow + ("DownBlockSpatioTemporal",),
            up_block_types=("UpBlockSpatioTemporal",) + ("CrossAttnUpBlockSpatioTemporal",) * shallow,
            num_attention_heads=tuple(max(1, width // HEAD_WIDTH) for width in recipe.unet),
            layers_per_block=recipe.unet_layers,
            cross_attention_dim=recipe.clip_width,
            addition_time_embed_dim=32,
            projection_class_embeddings_input_dim=96,
        )
        vae = vae_of(
            block_out_channels=recipe.vae,
            down_block_types=("DownEncoderBlock2D",) * len(recipe.vae),
            layers_per_block=recipe.vae_layers,
            sample_size=recipe.sides[-1],
            force_upcast=True,
        )
        vision = CLIPVisionConfig(
            hidden_size=recipe.clip_width,
            intermediate_size=2 * recipe.clip_width,
            num_hidden_layers=recipe.clip_layers,
            num_attention_heads=max(1, recipe.clip_width // HEAD_WIDTH),
            image_size=32,
            patch_size=8,
            projection_dim=recipe.clip_width,
            hidden_act="gelu",
        )
        encoder: Any = CLIPVisionModelWithProjection(vision)
    _quieten(vae, unet)
    looks = CLIPImageProcessor(
        **{**FEATURE_EXTRACTOR, "size": {"shortest_edge": 32}, "crop_size": {"height": 32, "width": 32}}
    )
    return VideoshopPipeline(vae, encoder, unet, scheduler_of.from_config(dict(SCHEDULER)), looks)


def trained(folder: Path) -> VideoshopPipeline:
    """The model that `write` has written to `folder`, in single precision on the CPU."""
    made = weights.load(weights.inspect(folder), torch.float32)
    for part in (made.vae, made.unet, made.image_encoder):
        part.requires_grad_(True)
    return made


@torch.no_grad()
def _quieten(vae: Any, unet: Any) -> None:
    """Layers over time begin as if they were not there, as those that are put into a model of images; latents begin
    with little noise. With diffusers' own beginnings colours are scrambled and drowned for hundreds of steps.
    """
    for module in (vae, unet):
        for name, layer in module.named_modules():
            if name.endswith("temporal_res_block.conv2"):
                layer.weight.zero_()
                layer.bias.zero_()
    last = vae.decoder.time_conv_out
    last.bias.zero_()
    last.weight.zero_()
    last.weight[:, :, last.kernel_size[0] // 2, 0, 0] = torch.eye(len(last.weight))
    channels = vae.config.latent_channels
    vae.quant_conv.weight[channels:] *= 0.1
    vae.quant_conv.bias[channels:] = FIRST_LOG_VARIANCE
    unet.conv_out.weight.zero_()
    unet.conv_out.bias.zero_()


def write(folder: Path, made: VideoshopPipeline) -> int:
    """Write the model in diffusers' layout, its tensors in half precision; returns what those take, bytes."""
    write_folder(folder, made, "fp16")
    return sum(file.stat().st_size for file in folder.glob("*/*.safetensors"))
