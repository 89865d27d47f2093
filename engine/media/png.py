"""PNG files with the tags of a clip: 8 or 16 bits, straight alpha, colour and pixel aspect."""

import struct
import zlib
from fractions import Fraction
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.media.color import UNSPECIFIED, ColorTags, Plane

_SIGNATURE_AND_HEADER = 33
"""Bytes of the signature and of the IHDR chunk, after which other chunks may follow."""


def codes(rgb: NDArray[np.float32], bits: int, alpha: NDArray[np.float32] | None = None) -> Plane:
    """R'G'B' (height, width, 3) in [0, 1] as OpenCV's BGR or BGRA samples of 8 or 16 `bits`, rounded to the nearest."""
    peak, dtype = (255, np.dtype(np.uint8)) if bits == 8 else (65535, np.dtype(np.uint16))
    samples: Any = np.empty((*rgb.shape[:2], 3 if alpha is None else 4), dtype)
    for channel, plane in enumerate((*(rgb[:, :, at] for at in (2, 1, 0)), *(() if alpha is None else (alpha,)))):
        whole = np.multiply(plane, np.float32(peak))
        np.clip(np.rint(whole, out=whole), 0, peak, out=whole)
        samples[:, :, channel] = whole
    bgr: Plane = samples
    return bgr


def encode(
    rgb: NDArray[np.float32],
    bits: int,
    alpha: NDArray[np.float32] | None = None,
    tags: ColorTags | None = None,
    sample_aspect_ratio: Fraction = Fraction(1),
) -> bytes:
    """A PNG of R'G'B' (height, width, 3) in [0, 1], with straight alpha (height, width) when given."""
    return encode_codes(codes(rgb, bits, alpha), tags, sample_aspect_ratio)


def encode_codes(
    bgr: Plane, tags: ColorTags | None = None, sample_aspect_ratio: Fraction = Fraction(1), effort: int = 2
) -> bytes:
    """A PNG of BGR (height, width, 3) or BGRA (height, width, 4) samples. `effort` is zlib's level, 0 to 9."""
    done, data = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, effort])
    if not done:
        raise ValueError(f"{bgr.shape} {bgr.dtype} is no PNG")
    encoded = data.tobytes()
    chunks = b""
    if tags and (tags.primaries != UNSPECIFIED or tags.transfer != UNSPECIFIED):
        chunks += _chunk(b"cICP", bytes((tags.primaries, tags.transfer, 0, 1)))
    if sample_aspect_ratio != 1:
        # Pixels per unit in x and y: a pixel twice as wide as high has half as many per unit in x.
        x, y = sample_aspect_ratio.denominator, sample_aspect_ratio.numerator
        chunks += _chunk(b"pHYs", struct.pack(">IIB", x, y, 0))
    return encoded[:_SIGNATURE_AND_HEADER] + chunks + encoded[_SIGNATURE_AND_HEADER:]


def _chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
