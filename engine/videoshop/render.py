"""From a frame that the model made to the clip's own frame, at its resolution and in its place."""

import numpy as np

from engine.edit import Keyframe
from engine.geometry import Box, Size
from engine.image import stretched
from engine.media.clip import Frame
from engine.method import Painted
from engine.videoshop.chain import Link
from engine.videoshop.lay import Remade, detail_kept, laid
from engine.videoshop.region import Region


def over(frame: Frame, link: Link, region: Region, kept: float) -> Painted:
    """What was made of `frame`; `kept` is the part of its fine detail that the edit keeps (see `detail_kept`)."""
    image, outline = region.fit.to_frame(link.image), link.seen.outline
    if link.plain is None:
        return Painted(
            frame.index, region.box, image, np.ones(image.shape[:2], np.float32), outline.confident, link.warnings
        )
    size = Size(region.box.width, region.box.height)
    scaled = region.fit.scaled
    soft = np.ascontiguousarray(region.soft(link.seen.matte, link.seen.slack)[: scaled.height, : scaled.width])
    source, base = np.clip(frame.rgb(region.box), 0, 1), link.seen.base
    remade = Remade(
        source if base is None else base.over(source),
        region.fit.to_frame(link.plain),
        image,
        outline.on(region.box, size),
        np.zeros(image.shape[:2], np.float32) if base is None else base.opacity(region),
        np.clip(stretched(soft, *size), 0, 1),
    )
    rgb, matte = laid(source, remade, kept)
    return Painted(frame.index, region.box, rgb, matte, outline.confident, link.warnings)


def kept_by(keyframe: Keyframe, source: Frame, region: Region, link: Link) -> float:
    """How much of the source's fine detail the edited frame keeps, from the keyframe's own `link`."""
    if link.plain is None or link.back is None:
        return 0.0
    place = region.box.slices
    plain, back = region.fit.to_frame(link.plain), region.fit.to_frame(link.back)
    original = np.clip(source.rgb(region.box), 0, 1)
    return detail_kept(original, plain, keyframe.rgb[place], back, keyframe.mask[place])


def untouched(index: int) -> Painted:
    """A frame that the edit does not reach."""
    nothing = np.zeros((0, 0, 3), np.float32)
    return Painted(index, Box(0, 0, 0, 0), nothing, nothing[..., 0], 0.0)
