"""A contact sheet of clips, one above the other: a figure that improves while the picture gets worse is a wrong one."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

SCALE = 3
GAP = 4


def write_sheet(path: Path, rows: Sequence[Sequence[Tensor]]) -> None:
    """PNG of `rows`, each some clips (frames, 3, height, width) in [0, 1] that belong together."""
    drawn = []
    for clips in rows:
        drawn += [_strip(clip) for clip in clips]
        drawn.append(np.full((GAP * 2, drawn[-1].shape[1], 3), 255, np.uint8))
    if not cv2.imwrite(str(path), np.concatenate(drawn)):
        raise OSError(f"{path} could not be written.")


def _strip(clip: Tensor) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    pixels = torch.round(clip * 255).clamp(0, 255).to(torch.uint8).permute(0, 2, 3, 1).numpy()[..., ::-1]
    row = np.concatenate([np.pad(frame, ((0, 1), (0, 1), (0, 0))) for frame in pixels], axis=1)
    return np.asarray(row.repeat(SCALE, 0).repeat(SCALE, 1))
