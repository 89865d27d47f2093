"""Stable Video Diffusion's modules, as the steps that Videoshop is made of."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, cast

import torch
from diffusers import (
    AutoencoderKLTemporalDecoder,
    DiffusionPipeline,
    EulerDiscreteScheduler,
    UNetSpatioTemporalConditionModel,
)
from torch import Tensor
from torch.nn.functional import interpolate
from transformers import CLIPImageProcessor, CLIPVisionModelWithProjection

from engine.method import Passes
from engine.videoshop.inversion import Network
from engine.videoshop.latents import Normalisation, normalised
from engine.videoshop.sampling import Pair
from engine.videoshop.schedule import SIGMA_MAX, SIGMA_MIN, c_in, c_noise


@dataclass(frozen=True)
class Condition:
    """What the network is told of a clip: `embedding` (1, 1, width) of an image, its `latents` (1, channels, h, w)."""

    embedding: Tensor
    latents: Tensor

    @property
    def absent(self) -> "Condition":
        """The condition of no image, for guidance."""
        return Condition(torch.zeros_like(self.embedding), torch.zeros_like(self.latents))


@dataclass(frozen=True)
class Micro:
    """Numbers that SVD was trained with: frames a second less one, how much moves, how noisy the image is."""

    fps: int = 6
    motion_bucket: int = 127
    noise_augmentation: float = 0.2


class VideoshopPipeline(DiffusionPipeline):
    """SVD's modules. `from_pretrained(path_or_repo)` loads a folder or repository in diffusers' layout.

    Images are (frames, 3, height, width) in [0, 1], with sides that are multiples of `multiple`. Latents are (frames,
    channels, height / factor, width / factor), scaled by the VAE's own factor. Noise is drawn by the caller. Nothing
    keeps activations for a backward pass. `passes` counts what was run.
    """

    # Diffusers' and transformers' modules are not typed as they behave.
    vae: Any
    image_encoder: Any
    unet: Any
    scheduler: Any
    feature_extractor: Any

    def __init__(
        self,
        vae: AutoencoderKLTemporalDecoder,
        image_encoder: CLIPVisionModelWithProjection,
        unet: UNetSpatioTemporalConditionModel,
        scheduler: EulerDiscreteScheduler,
        feature_extractor: CLIPImageProcessor,
    ) -> None:
        untyped: Any = super()
        untyped.__init__()
        untyped.register_modules(
            vae=vae, image_encoder=image_encoder, unet=unet, scheduler=scheduler, feature_extractor=feature_extractor
        )
        self.passes = Passes()
        self.between: Callable[[], None] = lambda: None
        """Called before every network pass and every chunk through the VAE; what it raises stops the work there."""

    @property
    def at_work(self) -> torch.device:
        """The device that passes run on, also while modules wait elsewhere."""
        return cast(torch.device, cast(Any, self)._execution_device)

    @property
    def frames(self) -> int:
        """How many frames the model makes at once."""
        return int(self.unet.config.num_frames)

    @property
    def sigmas(self) -> tuple[float, float]:
        """The lowest and the highest noise level that the model was trained for."""
        config = self.scheduler.config
        return float(config.sigma_min or SIGMA_MIN), float(config.sigma_max or SIGMA_MAX)

    @property
    def factor(self) -> int:
        """Pixels a latent, along each side."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def multiple(self) -> int:
        """What the sides of images have to be multiples of."""
        return self.factor * int(2 ** (len(self.unet.config.block_out_channels) - 1))

    @torch.no_grad()
    def encode(self, images: Tensor, *, chunk: int = 4) -> Tensor:
        """Latents of `images`, the mode of the VAE's distribution, `chunk` frames at a time."""
        means = []
        with self._vae_precision() as dtype:
            for part in torch.split(images, chunk):
                self.between()
                seen = (part * 2 - 1).to(self.at_work, dtype)
                means.append(self.vae.encode(seen).latent_dist.mode())
        self.passes.vae_encoded += len(images)
        return torch.cat(means).float().cpu().contiguous() * float(self.vae.config.scaling_factor)

    @torch.no_grad()
    def decode(self, latents: Tensor, *, chunk: int = 14) -> Iterator[Tensor]:
        """Images of `latents`, `chunk` frames at a time; the decoder looks at neighbours within a chunk only."""
        with self._vae_precision() as dtype:
            for part in torch.split(latents, chunk):
                self.between()
                scaled = (part / self.vae.config.scaling_factor).to(self.at_work, dtype)
                self.passes.vae_decoded += len(part)
                yield (self.vae.decode(scaled, num_frames=len(part)).sample.float().cpu() / 2 + 0.5).clamp(0, 1)

    @torch.no_grad()
    def condition(self, image: Tensor, noise: Tensor, micro: Micro, *, over: Normalisation = "none") -> Condition:
        """What the network is told of `image` (1, 3, height, width): its latents with noise, and CLIP's view of it.

        `noise` is shaped like `image` and scaled by `micro.noise_augmentation` on [-1, 1]. The conditioning latents
        are not scaled by the VAE's factor, but normalised first when `over` says so.
        """
        noisy = image + noise.to(image) * (micro.noise_augmentation / 2)
        factor = self.vae.config.scaling_factor
        latents = self.encode(noisy) / factor
        if over != "none":
            latents = normalised(latents, over) / factor
        return Condition(self.seen_by_clip(image), latents)

    @torch.no_grad()
    def seen_by_clip(self, image: Tensor) -> Tensor:
        """CLIP's embedding (1, 1, width) of `image` (1, 3, height, width), scaled as the released code scales it."""
        side = self.image_encoder.config.image_size
        small = interpolate(image.float().cpu(), size=(side, side), mode="bilinear", antialias=True)
        mean, std = (
            torch.tensor(v)[:, None, None]
            for v in (self.feature_extractor.image_mean, self.feature_extractor.image_std)
        )
        encoder = self.image_encoder
        embedding: Tensor = encoder(((small - mean) / std).to(self.at_work, encoder.dtype)).image_embeds[:, None]
        return embedding.contiguous()

    def network(self, condition: Condition, micro: Micro) -> Network:
        """F of the paper, told `condition`."""

        def predict(x: Tensor, sigma: float) -> Tensor:
            return self._predicted(x, sigma, [condition], micro)[0]

        return predict

    def guiding(self, condition: Condition, micro: Micro, *, batched: bool) -> Pair:
        """F told `condition`, and F told nothing; in one batch of two, which is faster and takes more memory."""

        def predict(x: Tensor, sigma: float) -> tuple[Tensor, Tensor]:
            if batched:
                told, untold = self._predicted(x, sigma, [condition, condition.absent], micro)
            else:
                (told,) = self._predicted(x, sigma, [condition], micro)
                (untold,) = self._predicted(x, sigma, [condition.absent], micro)
            return told, untold

        return predict

    def latent_shape(self, height: int, width: int) -> tuple[int, int, int]:
        """Channels, height and width of an image's latents."""
        return int(self.vae.config.latent_channels), height // self.factor, width // self.factor

    @torch.no_grad()
    def _predicted(self, x: Tensor, sigma: float, conditions: list[Condition], micro: Micro) -> Tensor:
        """The network's outputs (conditions, frames, channels, h, w) for `x`, on its device and in its precision."""
        self.between()
        self.passes.network += len(conditions)
        device, dtype = self.at_work, self.unet.dtype
        frames = (x * c_in(sigma)).to(device, dtype)
        seen = [torch.cat([frames, c.latents.to(frames).expand(len(frames), -1, -1, -1)], dim=1) for c in conditions]
        numbers = [micro.fps, micro.motion_bucket, micro.noise_augmentation]
        (v,) = self.unet(
            torch.stack(seen),
            torch.tensor([c_noise(sigma)], dtype=dtype, device=device),
            encoder_hidden_states=torch.cat([c.embedding for c in conditions]).to(device, dtype),
            added_time_ids=torch.tensor([numbers] * len(conditions), dtype=dtype, device=device),
            return_dict=False,
        )
        # One layout in memory: kernels round differently for another, and stored latents come back in this one.
        return cast(Tensor, v.to(x).contiguous())

    @contextmanager
    def _vae_precision(self) -> Iterator[torch.dtype]:
        """The precision that the VAE runs in: single where its config says that half overflows."""
        dtype = self.vae.dtype
        raised = dtype == torch.float16 and self.vae.config.force_upcast
        if raised:
            self.vae.to(dtype=torch.float32)
        try:
            yield torch.float32 if raised else dtype
        finally:
            if raised:
                self.vae.to(dtype=dtype)
