"""Small real clips, encoded without loss, and stills painted on their frames."""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from engine.media.still import write_png

FPS = 25


def texture(height: int, width: int, seed: int = 0) -> NDArray[np.float32]:
    """A picture (height, width, 3) in [0, 1] with detail at every scale."""
    rng = np.random.default_rng(seed)
    total = np.zeros((height, width, 3), np.float32)
    for scale in (2, 4, 8, 16, 32, 64):
        coarse = rng.random((height // scale + 2, width // scale + 2, 3)).astype(np.float32)
        total += scale * cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    total -= total.min()
    return np.asarray(total / total.max(), np.float32)


def panning(frames: int, width: int, height: int, step: int = 2, seed: int = 0) -> list[NDArray[np.uint8]]:
    """A picture that moves left by `step` pixels a frame: RGB of 8 bits."""
    wide = (texture(height, width + step * frames, seed) * 255).round().astype(np.uint8)
    return [np.ascontiguousarray(wide[:, step * n : step * n + width]) for n in range(frames)]


def write_clip(
    path: Path, pictures: list[NDArray[np.uint8]], pixel_format: str = "yuv420p", codec: str = "ffv1"
) -> Path:
    height, width, _ = pictures[0].shape
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=Fraction(FPS))
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = width, height, pixel_format
        for picture in pictures:
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def write_still(path: Path, rgb: NDArray[np.float32], bits: int = 8, alpha: NDArray[np.float32] | None = None) -> Path:
    write_png(path, rgb, bits, alpha)
    return path
