"""Frames made from arrays, in every layout that clips come in."""

import numpy as np

from engine.geometry import Box, Size
from engine.media.clip import Frame
from engine.media.color import PixelLayout, Plane, rgb_layout, yuv_layout
from engine.method import Painted

LAYOUTS = {
    "8-bit 4:2:0": yuv_layout(8, 1, 1, False, "bt709", False),
    "8-bit 4:2:0 full range": yuv_layout(8, 1, 1, True, "bt601", False),
    "10-bit 4:2:2": yuv_layout(10, 1, 0, False, "bt709", False),
    "10-bit 4:2:0 wide": yuv_layout(10, 1, 1, False, "bt2020nc", False),
    "12-bit 4:4:4": yuv_layout(12, 0, 0, False, "bt709", False),
    "8-bit 4:1:1": yuv_layout(8, 2, 0, False, "bt601", False),
    "8-bit RGB": rgb_layout(8, False),
    "16-bit RGB": rgb_layout(16, False),
    "8-bit RGB with alpha": rgb_layout(8, True),
    "10-bit 4:2:2 with alpha": yuv_layout(10, 1, 0, False, "bt709", True),
    "8-bit gray": PixelLayout("gray", "gray", 8, 0, 0, True, "gray", False),
    "10-bit gray": PixelLayout("gray10le", "gray", 10, 0, 0, True, "gray", False),
}


def noise(rng: np.random.Generator, layout: PixelLayout, low: int, high: int, shape: tuple[int, int]) -> Plane:
    """A plane of code values in [low, high), every sample drawn on its own."""
    codes = rng.integers(low, high, shape)
    return codes.astype(np.uint8) if layout.dtype is np.uint8 else codes.astype(np.uint16)


def noise_frame(layout: PixelLayout, size: Size, seed: int = 0, index: int = 0) -> Frame:
    """A frame of legal code values, every sample drawn on its own."""
    rng = np.random.default_rng(seed)
    top = layout.peak
    planes: list[Plane] = []
    for number in range(layout.color_planes + layout.alpha):
        chroma = layout.family == "yuv" and number in (1, 2)
        width, height = size
        if chroma:
            width, height = -(-width // (1 << layout.log2_chroma_w)), -(-height // (1 << layout.log2_chroma_h))
        planes.append(noise(rng, layout, top // 16, top - top // 16, (height, width)))
    return Frame(index, index, tuple(planes), layout)


def painted(box: Box, seed: int = 0, matte: float | None = None, index: int = 0) -> Painted:
    """Random paint in `box`, with a matte that is random too, often 0 and often 1, or else `matte` everywhere."""
    rng = np.random.default_rng(seed)
    rgb = rng.random((box.height, box.width, 3), np.float32)
    soft = np.clip(rng.random((box.height, box.width), np.float32) * 3 - 1, 0, 1)
    return Painted(index, box, rgb, np.full_like(soft, matte) if matte is not None else soft, 1.0)
