"""Between a clip's frames and the model's: scaled to the area that it knows, padded to its multiple, not stretched."""

from dataclasses import dataclass
from math import sqrt

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.geometry import Size

Image = NDArray[np.float32]


@dataclass(frozen=True)
class Fit:
    """`scaled` is the frame's size at work, `padded` what the model sees: the rest is border, right and below."""

    frame: Size
    scaled: Size
    padded: Size

    @classmethod
    def of(cls, frame: Size, area: int, multiple: int) -> "Fit":
        """The fit whose scaled size has about `area` pixels and the frame's aspect, padded to `multiple`."""
        scale = sqrt(area / (frame.width * frame.height))
        scaled = Size(max(1, round(frame.width * scale)), max(1, round(frame.height * scale)))
        return cls(frame, scaled, Size(*(-(-side // multiple) * multiple for side in scaled)))

    def to_model(self, rgb: Image) -> Tensor:
        """R'G'B' (height, width, 3) as (1, 3, padded.height, padded.width) in [0, 1]; the border repeats the edge."""
        shrinks = self.scaled.width < self.frame.width
        small = cv2.resize(rgb, self.scaled, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
        right, below = self.padded.width - self.scaled.width, self.padded.height - self.scaled.height
        whole = cv2.copyMakeBorder(small, 0, below, 0, right, cv2.BORDER_REPLICATE)
        return torch.from_numpy(np.clip(whole, 0, 1).astype(np.float32)).permute(2, 0, 1)[None]

    def to_frame(self, image: Tensor) -> Image:
        """The model's image (3, padded.height, padded.width) as R'G'B' (frame.height, frame.width, 3)."""
        whole = image.permute(1, 2, 0).cpu().float().numpy()
        inner = np.ascontiguousarray(whole[: self.scaled.height, : self.scaled.width])
        grows = self.scaled.width < self.frame.width
        full = cv2.resize(inner, self.frame, interpolation=cv2.INTER_CUBIC if grows else cv2.INTER_AREA)
        return np.clip(full, 0, 1).astype(np.float32)


class LatentView:
    """Latents as small pictures: the linear map from latents to colours that fits a clip best.

    Fitted by least squares to the clip's own latents and frames, so it holds for any VAE.
    """

    def __init__(self, latents: Tensor, frames: Tensor) -> None:
        """`latents` (frames, channels, h, w) and `frames` (frames, 3, height, width) of one clip."""
        small = torch.nn.functional.interpolate(frames.float(), size=latents.shape[-2:], mode="area")
        self._map = torch.linalg.lstsq(_features(latents), small.permute(0, 2, 3, 1).reshape(-1, 3)).solution

    def __call__(self, latent: Tensor) -> Image:
        """R'G'B' (h, w, 3) of one latent (channels, h, w)."""
        _, height, width = latent.shape
        colours = (_features(latent[None]) @ self._map).reshape(height, width, 3).clamp(0, 1)
        return np.asarray(colours.numpy(), np.float32)


def _features(latents: Tensor) -> Tensor:
    flat = latents.float().cpu().permute(0, 2, 3, 1).reshape(-1, latents.shape[1])
    return torch.cat([flat, torch.ones(len(flat), 1)], dim=1)
