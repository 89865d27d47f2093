"""What the model begins with: the clip with the edit as `flow` carries it, where the edit's surface is seen to move."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from engine.geometry import Box, Size
from engine.image import resized
from engine.media.clip import Frame
from engine.method import Painted
from engine.videoshop.region import Region

Image = NDArray[np.float32]

_TOP = np.float32(65535)


@dataclass(frozen=True)
class Base:
    """One frame with the carried edit over it.

    `pixels` (3, height, width) in [0, 1] and `held`, the edit's matte (height, width), are the model's; at the clip's
    resolution the paint is kept to 16 bits, in `box`, a part of the region that is worked on, in the region's pixels.
    """

    pixels: Tensor
    held: Image
    box: Box
    rgb: NDArray[np.uint16]
    matte: NDArray[np.uint8]

    @classmethod
    def of(cls, frame: Frame, painted: Painted, region: Region) -> "Base | None":
        """The edit `painted` over `frame`; None where there is none of it in the region."""
        within, own = region.box, painted.box
        left, top = own.x - within.x, own.y - within.y
        place = Box.around(left, top, left + own.width, top + own.height, Size(within.width, within.height))
        if place.area == 0 or not painted.matte.any():
            return None
        x, y = place.x - left, place.y - top
        inner = slice(y, y + place.height), slice(x, x + place.width)
        rgb = np.rint(np.clip(painted.rgb[inner], 0, 1) * _TOP).astype(np.uint16)
        matte = np.rint(np.clip(painted.matte[inner], 0, 1) * 255).astype(np.uint8)
        bare = cls(torch.empty(0), np.empty((0, 0), np.float32), place, rgb, matte)
        crop = np.clip(frame.rgb(region.box), 0, 1)
        scaled, padded = region.fit.scaled, region.fit.padded
        held = np.zeros((padded.height, padded.width), np.float32)
        whole = bare.opacity(region)
        held[: scaled.height, : scaled.width] = resized(whole, *scaled)
        return cls(region.fit.to_model(bare.over(crop))[0], held, place, rgb, matte)

    def opacity(self, region: Region) -> Image:
        """The matte on the whole region, at the clip's resolution."""
        whole = np.zeros((region.box.height, region.box.width), np.float32)
        whole[self.box.slices] = self.matte.astype(np.float32) / 255
        return whole

    def over(self, crop: Image) -> Image:
        """The edit over `crop`, the region's pixels (height, width, 3) of the clip."""
        laid, place = crop.copy(), self.box.slices
        opacity = (self.matte.astype(np.float32) / 255)[..., None]
        laid[place] += opacity * (self.rgb.astype(np.float32) / _TOP - laid[place])
        return laid
