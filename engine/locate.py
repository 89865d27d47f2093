"""Which frame of the clip was edited?

Two looks. The first compares small luma thumbnails of the whole clip, which are made once and cached. The second
decodes the few frames that remain and compares them at full size. Both work by cells, free of each cell's own
brightness and contrast, with a loss that saturates: a repainted part costs every candidate the same and decides
nothing.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import platformdirs
from numpy.typing import NDArray

from engine.errors import EditError
from engine.media.clip import Clip, Frame
from engine.media.color import from_rgb
from engine.media.still import Still
from engine.request import Event, OnEvent

Luma = NDArray[np.uint8]
Thumbnails = NDArray[np.uint8]
Losses = NDArray[np.float64]

THUMBNAIL_WIDTH = 96
CACHE_BYTES = 256 << 20
_CELL = 8
_SATURATES = 10.0
"""Code values (of 255) of root mean square difference from which a cell counts as repainted."""
_PLAIN_SHARE = 0.1
"""How much brightness and contrast count after all: they tell the frames of a fade of a still picture apart."""
_EXPLAINED = 0.5
_CANDIDATES = 3
_NEIGHBOURS = 2
_ALIKE = 0.2
"""At least this part of the textured cells must look like the best frame's, else it is no match."""


@dataclass(frozen=True)
class Located:
    """The frame that was edited, and how far to trust it.

    `confidence` in [0, 1] is the margin between this frame and the next best: near 0 where a neighbour fits as well.
    `duplicates` are frames whose pixels equal this one's (a frozen picture); `index` is the first of them.
    """

    index: int
    confidence: float
    duplicates: tuple[int, ...] = ()


def locate(clip: Clip, still: Still, on_event: OnEvent, *, cache: Path | None = None) -> Located:
    """Find the frame of `clip` that `still`, of the clip's size, is an edit of. Raises EditError.frame_not_found.

    `cache`: folder of thumbnail indices; the user's cache folder when None.
    """
    thumbnails = indexed(clip, on_event, cache)
    edited = _luma(clip, still)
    losses = thumbnail_losses(thumbnails, thumbnail(edited))
    finest: dict[int, Losses] = {}
    content: dict[int, bytes] = {}
    for run in _runs(_candidates(losses), len(losses)):
        for index, luma in _numbered_lumas(clip.frames(run.start, run.stop)):
            finest[index] = _full_losses(edited, luma)
            content[index] = hashlib.blake2b(luma.tobytes()).digest()
    best = min(finest, key=lambda index: (finest[index].mean(), index))
    if alike(thumbnails[best], thumbnail(edited)) < _ALIKE:
        raise EditError.frame_not_found()
    return _judged(best, finest, content)


def indexed(clip: Clip, on_event: OnEvent, cache: Path | None = None) -> Thumbnails:
    """Thumbnails (frames, height, width) of the whole clip, from the cache or else made by decoding it once."""
    folder = cache or platformdirs.user_cache_path("videoshop-bridge", appauthor=False) / "thumbnails"
    path = folder / f"{_identity(clip.info.path)}.npy"
    with suppress(OSError, ValueError):
        thumbnails: Thumbnails = np.load(path)
        if len(thumbnails) == clip.info.frames:
            os.utime(path)
            return thumbnails
    total = clip.info.frames
    made = []
    for index, luma in _numbered_lumas(clip.frames()):
        made.append(thumbnail(luma))
        on_event(Event(stage="locate", done=index + 1, total=total, frame=index))
    thumbnails = np.stack(made)
    with suppress(OSError):  # a cache that cannot be written costs time, not the result
        _store(path, thumbnails)
        _evict(folder, CACHE_BYTES)
    return thumbnails


def thumbnail(luma: Luma) -> Luma:
    height = max(round(luma.shape[0] * THUMBNAIL_WIDTH / luma.shape[1] / _CELL), 1) * _CELL
    return np.asarray(cv2.resize(luma, (THUMBNAIL_WIDTH, height), interpolation=cv2.INTER_AREA), np.uint8)


def thumbnail_losses(thumbnails: Thumbnails, edited: Luma) -> Losses:
    """Loss in [0, 1] of every thumbnail (frames, height, width) against the edited frame's."""
    losses = [_losses(block, edited, _CELL).mean(1) for block in np.array_split(thumbnails, -(-len(thumbnails) // 512))]
    return np.concatenate(losses)


def alike(luma: Luma, edited: Luma) -> float:
    """The part, in [0, 1], of the cells with any texture that correlate well; 1 when there is no texture at all."""
    ours, theirs = (
        cells - cells.mean(2, keepdims=True) for cells in (_cells(edited[None], _CELL), _cells(luma[None], _CELL))
    )
    energies = (ours**2).sum(2), (theirs**2).sum(2)
    textured = np.maximum(*energies) > _CELL**2 * 16
    correlation = (ours * theirs).sum(2) / np.sqrt(np.maximum(energies[0] * energies[1], 1e-6))
    return float(np.mean(correlation[textured] > 0.97)) if textured.any() else 1.0


def _losses(lumas: NDArray[np.uint8], edited: Luma, cell: int) -> Losses:
    """Saturating difference in [0, 1] of each luma (n, height, width) from `edited`, by cell: (n, cells)."""
    ours, theirs = _cells(edited[None], cell), _cells(lumas, cell)
    plain = np.sqrt(np.mean((theirs - ours) ** 2, axis=2))
    ours, theirs = ours - ours.mean(2, keepdims=True), theirs - theirs.mean(2, keepdims=True)
    product = np.einsum("ncp,cp->nc", theirs, ours[0])
    energy = np.einsum("ncp,ncp->nc", theirs, theirs)
    gain = np.clip(product / np.maximum(energy, 1e-3), 0.5, 2)
    rest = (ours**2).sum(2) - 2 * gain * product + gain**2 * energy
    shape = np.sqrt(np.maximum(rest, 0) / ours.shape[2])
    loss = (1 - _PLAIN_SHARE) * np.minimum(shape, _SATURATES) + _PLAIN_SHARE * np.minimum(plain, _SATURATES)
    return np.asarray(loss / _SATURATES, np.float64)


def _cells(lumas: NDArray[np.uint8], cell: int) -> NDArray[np.float32]:
    """(n, height, width) -> (n, cells, pixels of a cell); a rest that fills no cell is left out."""
    count, height, width = lumas.shape
    rows, columns = height // cell, width // cell
    cut = lumas[:, : rows * cell, : columns * cell].astype(np.float32)
    return cut.reshape(count, rows, cell, columns, cell).transpose(0, 1, 3, 2, 4).reshape(count, rows * columns, -1)


def _full_losses(edited: Luma, luma: Luma) -> Losses:
    cell = max(_CELL, luma.shape[1] // 64)
    return np.asarray(_losses(luma[None], edited, min(cell, *luma.shape))[0])


def _candidates(losses: NDArray[np.float64]) -> list[int]:
    """The best frames by thumbnail, none a close neighbour of a better one, as long as they are nearly as good."""
    chosen: list[int] = []
    for index in np.argsort(losses, kind="stable"):
        if losses[index] > 1.5 * losses[chosen[0] if chosen else index] + 0.002 or len(chosen) == _CANDIDATES:
            break
        if all(abs(index - other) > 2 * _NEIGHBOURS for other in chosen):
            chosen.append(int(index))
    return chosen


def _runs(candidates: Iterable[int], frames: int) -> Iterator[range]:
    """The candidates with their neighbours, as runs to decode."""
    for index in candidates:
        yield range(max(index - _NEIGHBOURS, 0), min(index + _NEIGHBOURS + 1, frames))


def _judged(best: int, losses: dict[int, Losses], content: dict[int, bytes]) -> Located:
    """The margin is taken over the cells that the best frame explains: repainted ones fit no frame."""
    same = [index for index in sorted(losses) if content[index] == content[best]]
    explained = losses[best] <= max(_EXPLAINED, float(np.median(losses[best])))
    others = [float(cells[explained].mean()) for index, cells in losses.items() if index not in same]
    margin = 1 - float(losses[best][explained].mean()) / max(min(others), 1e-9) if others else 1.0
    first, *duplicates = same
    return Located(first, max(min(margin, 1.0), 0.0) / len(same), tuple(duplicates))


def _luma(clip: Clip, still: Still) -> Luma:
    """The edited image's luma, in the scale of `Frame.luma8`."""
    layout = clip.info.layout
    codes = from_rgb(still.rgb, layout)
    if layout.family == "rgb":
        codes = np.asarray(cv2.transform(codes, np.array([[0.2126, 0.7152, 0.0722]], np.float32)), np.float32)
    first = codes if codes.ndim == 2 else codes[..., 0]
    return np.clip(np.rint(first / (1 << (layout.bits - 8))), 0, 255).astype(np.uint8)


def _numbered_lumas(frames: Iterable[Frame]) -> Iterator[tuple[int, Luma]]:
    return ((frame.index, frame.luma8()) for frame in frames)


def _identity(path: Path) -> str:
    """A key of the clip's bytes that is cheap for a large file: place, sizes, times, and both ends of every file."""
    digest = hashlib.sha256(f"{THUMBNAIL_WIDTH}/{_CELL}".encode())
    for file in sorted(path.iterdir()) if path.is_dir() else [path]:
        stat = file.stat()
        digest.update(f"\0{file.resolve()}\0{stat.st_size}\0{stat.st_mtime_ns}\0".encode())
        if not path.is_dir():
            with file.open("rb") as data:
                digest.update(data.read(1 << 20))
                data.seek(max(stat.st_size - (1 << 20), 0))
                digest.update(data.read(1 << 20))
    return digest.hexdigest()


def _store(path: Path, thumbnails: Thumbnails) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, aside = tempfile.mkstemp(dir=path.parent, suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            np.save(file, thumbnails)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise


def _evict(folder: Path, limit: int) -> None:
    """Remove the indices that were used longest ago until the rest fits in `limit` bytes."""
    newest = sorted(folder.glob("*.npy"), key=lambda path: path.stat().st_mtime, reverse=True)
    size = 0
    for path in newest:
        size += path.stat().st_size
        if size > limit:
            path.unlink(missing_ok=True)
