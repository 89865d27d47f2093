"""Stills: the images that artists paint, and the ones that are made for them."""

from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from engine.errors import ClipError, EditError
from engine.media import png
from engine.media.color import ColorTags, layout_of
from engine.media.imagetags import ImageTags, image_tags, is_tiff
from engine.media.planes import read_planes
from engine.media.safe import replace, write_bytes

_PEAKS = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0}


@dataclass(frozen=True, eq=False)
class Still:
    """An image: `rgb` (height, width, 3) float32 in [0, 1] as stored, `alpha` (height, width) straight, None if opaque
    by format. `bits` 8 or 16; `icc` the embedded colour profile, `profile` the name of one that is not embedded."""

    rgb: NDArray[np.float32]
    alpha: NDArray[np.float32] | None
    bits: int
    icc: bytes | None
    profile: str | None = None


def read_still(path: Path) -> Still:
    """Read a PNG, TIFF, JPEG or WebP with 8 or 16 bits, upright as its tags ask, its colours not multiplied by alpha.

    Raises `EditError` when it is missing, unreadable, or has samples of another kind.
    """
    pixels, tags = _decode(path)
    peak = _PEAKS[pixels.dtype]
    samples = pixels.astype(np.float32) / np.float32(peak)
    if samples.ndim == 2:
        samples = samples[:, :, None]
    channels = samples.shape[2]
    alpha = np.ascontiguousarray(samples[:, :, -1]) if channels in (2, 4) else None
    rgb = samples[:, :, [0, 0, 0]] if channels < 3 else samples[:, :, 2::-1]
    if alpha is not None and tags.alpha == "premultiplied":
        rgb = np.minimum(rgb / np.where(alpha > 0, alpha, np.float32(1))[:, :, None], np.float32(1))
    return Still(np.ascontiguousarray(rgb), alpha, 8 if peak == 255 else 16, tags.icc, tags.profile)


def read_mask(path: Path) -> NDArray[np.float32]:
    """Read a mask (height, width) in [0, 1], white where the artist painted: an image's luma.

    Of an image whose colour says nothing (one tone all over) but whose alpha varies, the alpha.
    """
    still = read_still(path)
    luma = np.ascontiguousarray(still.rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32))
    if still.alpha is None:
        return luma
    if np.ptp(luma) == 0 and np.ptp(still.alpha) > 0:
        return still.alpha
    return luma * still.alpha


def write_png(path: Path, rgb: NDArray[np.float32], bits: int, alpha: NDArray[np.float32] | None = None) -> None:
    """Write R'G'B' (height, width, 3) in [0, 1] as PNG of 8 or 16 `bits`, rounded to the nearest code."""
    data = png.encode(rgb, bits, alpha)
    with replace(path) as temporary:
        write_bytes(temporary, data)


def write_jpeg(path: Path, rgb: NDArray[np.float32], quality: int = 85) -> None:
    """Write R'G'B' (height, width, 3) in [0, 1] as JPEG."""
    pixels = np.rint(np.clip(rgb[:, :, ::-1], 0, 1) * 255).astype(np.uint8)
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    with replace(path) as temporary:
        write_bytes(temporary, data.tobytes())


Pixels = NDArray[np.uint8] | NDArray[np.uint16]


def _decode(path: Path) -> tuple[Pixels, ImageTags]:
    """The upright samples in OpenCV's order, and what the file tells of them."""
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise EditError.missing(path) from error
    except OSError as error:
        raise EditError.unreadable(path, error.strerror or "the system refuses") from error
    if not data:
        raise EditError.unreadable(path, "it is empty")
    tags = image_tags(data)
    if is_tiff(data) and (tags.alpha == "straight" or tags.orientation != 1):
        pixels = _tiff_as_stored(data, path)
    else:
        pixels = _with_opencv(data, path)
    if pixels.dtype not in _PEAKS:
        raise EditError.unreadable(path, f"its samples are {pixels.dtype}, not 8- or 16-bit")
    return _upright(pixels, tags.orientation), tags


def _with_opencv(data: bytes, path: Path) -> Any:
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise EditError.unreadable(path, "its bytes are damaged") from error
    if pixels is None:
        raise EditError.unreadable(path, "it is damaged, or of a kind that is not known")
    return pixels


def _tiff_as_stored(data: bytes, path: Path) -> Any:
    """A TIFF's samples with FFmpeg: OpenCV multiplies colours by a straight alpha, and turns some files but not all."""
    try:
        with av.open(BytesIO(data), "r", format="tiff_pipe", metadata_errors="replace") as container:
            frame = next(container.decode(container.streams.video[0]))
        planes = read_planes(frame, layout_of(frame.format.name, ColorTags(2, 2, 2, 0), frame.height, path))
    except (av.error.FFmpegError, ClipError, StopIteration, IndexError) as error:
        raise EditError.unreadable(path, "its transparency or rotation is stored in a way that is not known") from error
    return np.dstack((*planes[2::-1], *planes[3:]) if len(planes) > 2 else planes)


def _upright(pixels: Any, orientation: int) -> Any:
    """Pixels (height, width[, channels]) turned and mirrored as Exif's `orientation` asks."""
    turned = pixels.swapaxes(0, 1) if orientation > 4 else pixels
    rows = slice(None, None, -1 if orientation in (3, 4, 7, 8) else 1)
    columns = slice(None, None, -1 if orientation in (2, 3, 6, 7) else 1)
    return turned[rows, columns]
