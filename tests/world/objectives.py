"""What the small model is trained to do: the VAE to give pictures back, the network to take noise away."""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate, l1_loss, mse_loss

from engine.videoshop.pipeline import VideoshopPipeline

KL_WEIGHT = 1e-4
"""Of the mean over latents, beside a mean of absolute differences: enough to keep the latents' scale."""

LOG_SIGMA_MEAN, LOG_SIGMA_STD = 0.0, 1.6
"""ln σ is normal. Stable Video Diffusion moved EDM's mean of -1.2 up for each larger picture (Blattmann et al. 2023,
appendix D) and kept the spread about 1.6 for image-to-video; a picture of a few hundred latents needs less noise to be
lost than one of 9,216. Two deviations span 0.04 to 25, and Videoshop starts at 15.6. A mean above 0 spends more on
where things go, and less on how they look."""

LOG_AUGMENTATION_MEAN, LOG_AUGMENTATION_STD = -2.0, 0.6
"""The noise on the conditioning image, as ln σ on [-1, 1]: 0.14 in the middle, Videoshop's 0.2 well within it."""

DROPPED = 0.15
"""How often the network is told of no image, so that guidance has an unconditional network to lean on."""


@dataclass(frozen=True)
class Batch:
    """`clips` (clips, frames, 3, height, width) in [0, 1], and what the network is told of each, (clips,)."""

    clips: Tensor
    fps: Tensor
    motion_bucket: Tensor

    def to(self, device: torch.device) -> "Batch":
        return Batch(self.clips.to(device), self.fps.to(device), self.motion_bucket.to(device))


def reconstruction(made: VideoshopPipeline, batch: Batch, chance: torch.Generator) -> Tensor:
    """Loss of the VAE on clips, be they of one frame: mean absolute difference, and a little of the KL."""
    pictures = batch.clips.flatten(0, 1) * 2 - 1
    latents = made.vae.encode(pictures).latent_dist
    sampled = latents.mean + latents.std * _normal(latents.mean, chance)
    back = made.vae.decode(sampled, num_frames=batch.clips.shape[1]).sample
    divergence = (latents.mean**2 + latents.var - 1 - latents.logvar).mean() / 2
    loss: Tensor = l1_loss(back, pictures) + KL_WEIGHT * divergence
    return loss


def denoising(
    made: VideoshopPipeline, batch: Batch, chance: torch.Generator, log_sigma: float = LOG_SIGMA_MEAN
) -> Tensor:
    """Loss of the network and the image encoder on clips: EDM's, for a v-prediction. `log_sigma` is the mean of ln σ.

    EDM weighs |D(x; σ) − x₀|² by 1/c_out², so what is left is the distance of F from (ε − σ·x₀)/√(σ² + 1).
    """
    clips = batch.clips
    count, frames = clips.shape[:2]
    first = clips[:, 0]
    augmentation = torch.exp(LOG_AUGMENTATION_MEAN + LOG_AUGMENTATION_STD * _normal(batch.fps, chance))
    noisy = first * 2 - 1 + augmentation[:, None, None, None] * _normal(first, chance)
    with torch.no_grad():
        latents = made.vae.encode(clips.flatten(0, 1) * 2 - 1).latent_dist.mode().unflatten(0, (count, frames))
        seen = made.vae.encode(noisy).latent_dist.mode()
    x0 = latents * made.vae.config.scaling_factor
    told = (torch.rand(count, generator=chance) >= DROPPED).to(clips)
    sigma = torch.exp(log_sigma + LOG_SIGMA_STD * _normal(batch.fps, chance))
    noise = _normal(x0, chance)
    level = sigma[:, None, None, None, None]
    size = torch.sqrt(level**2 + 1)
    image = (seen * told[:, None, None, None])[:, None].expand(-1, frames, -1, -1, -1)
    predicted = made.unet(
        torch.cat([(x0 + level * noise) / size, image], dim=2),
        torch.log(sigma) / 4,
        encoder_hidden_states=(_embedding(made, first) * told[:, None])[:, None],
        added_time_ids=torch.stack([batch.fps, batch.motion_bucket, augmentation], dim=1),
    ).sample
    return mse_loss(predicted.float(), (noise - level * x0) / size)


def _embedding(made: VideoshopPipeline, images: Tensor) -> Tensor:
    """The image encoder's view (images, width), of images scaled as `VideoshopPipeline.condition` scales them."""
    side = made.image_encoder.config.image_size
    small = interpolate(images, size=(side, side), mode="bilinear", antialias=True)
    mean, std = (
        torch.tensor(values, device=images.device)[:, None, None]
        for values in (made.feature_extractor.image_mean, made.feature_extractor.image_std)
    )
    embedding: Tensor = made.image_encoder((small - mean) / std).image_embeds
    return embedding


def _normal(like: Tensor, chance: torch.Generator) -> Tensor:
    """Drawn on the CPU, so that devices do not change it."""
    return torch.randn(like.shape, generator=chance).to(like.device)
