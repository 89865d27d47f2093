"""PNG files with the tags of a clip: 8 or 16 bits, straight alpha, colour and pixel aspect."""

import struct
import zlib
from fractions import Fraction
from typing import Any, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.media.color import UNSPECIFIED, ColorTags, Plane

_SIGNATURE_AND_HEADER = 33
"""Bytes of the signature and of the IHDR chunk, after which other chunks may follow."""


_FAST = [cv2.IMWRITE_PNG_COMPRESSION, 1, cv2.IMWRITE_PNG_FILTER, cv2.IMWRITE_PNG_FILTER_UP]
"""Half the time of zlib's usual effort for a twentieth more bytes."""


def codes(rgb: NDArray[np.float32], bits: int, alpha: NDArray[np.float32] | None = None) -> Plane:
    """R'G'B' (height, width, 3) in [0, 1] as OpenCV's BGR or BGRA samples of 8 or 16 `bits`, rounded to the nearest."""
    peak, dtype = (255, np.dtype(np.uint8)) if bits == 8 else (65535, np.dtype(np.uint16))
    samples: Any = np.empty((*rgb.shape[:2], 3 if alpha is None else 4), dtype)
    for top in range(0, rgb.shape[0], _STRIP):
        rows = slice(top, top + _STRIP)
        bgr: Any = cv2.cvtColor(np.ascontiguousarray(rgb[rows]), cv2.COLOR_RGB2BGR)
        strip = bgr if alpha is None else np.dstack([bgr, alpha[rows]])
        np.multiply(strip, np.float32(peak), out=strip)
        samples[rows] = np.clip(np.rint(strip, out=strip), 0, peak, out=strip)
    return cast(Plane, samples)


_STRIP = 64
"""Rows rounded at a time, so that they stay in the processor's cache."""


def encode(
    rgb: NDArray[np.float32],
    bits: int,
    alpha: NDArray[np.float32] | None = None,
    tags: ColorTags | None = None,
    sample_aspect_ratio: Fraction = Fraction(1),
) -> bytes:
    """A PNG of R'G'B' (height, width, 3) in [0, 1], with straight alpha (height, width) when given."""
    return encode_codes(codes(rgb, bits, alpha), tags, sample_aspect_ratio)


def encode_codes(bgr: Plane, tags: ColorTags | None = None, sample_aspect_ratio: Fraction = Fraction(1)) -> bytes:
    """A PNG of BGR (height, width, 3) or BGRA (height, width, 4) samples."""
    done, data = cv2.imencode(".png", bgr, _FAST)
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
