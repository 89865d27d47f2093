"""How the bundled edits were painted: `python -m tests.assets.paint` makes the edited frames and masks again."""

import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from engine.image import shrunk
from engine.media.clip import Clip
from engine.media.still import write_png

Image = NDArray[np.float32]

DEMO = Path(__file__).parents[2] / "bridge_server" / "demo"
FINE = 4
"""Paint is drawn this many times larger than the frame, then averaged: smooth edges."""

LID = ((307, 59), (469, 98), (401, 146), (256, 101))
"""Corners of the picture on the box's lid, frame 20."""

GLASS = ((321, 164), (411, 164), (409, 371), (403, 378), (369, 382), (336, 378), (328, 371))
THUMB = ((358, 250), (361, 243), (373, 236), (403, 224), (413, 215), (413, 257), (388, 267), (370, 265), (361, 259))
"""The tumbler's body, and the thumb that covers some of it, frame 20."""


def label(height: int, width: int) -> tuple[Image, Image]:
    """A paper badge on the lid: colours (height, width, 3) and mask (height, width)."""
    paper = np.zeros((480, 800, 3), np.uint8)
    paper[:] = (246, 238, 220)
    shape = np.zeros((480, 800), np.uint8)
    cv2.ellipse(shape, (400, 240), (390, 228), 0, 0, 360, 255, -1, cv2.LINE_AA)
    cv2.ellipse(paper, (400, 240), (372, 210), 0, 0, 360, (30, 90, 120), 14, cv2.LINE_AA)
    cv2.ellipse(paper, (400, 240), (340, 180), 0, 0, 360, (214, 64, 48), -1, cv2.LINE_AA)
    cv2.putText(paper, "FRESH", (142, 290), cv2.FONT_HERSHEY_DUPLEX, 4.6, (250, 244, 230), 22, cv2.LINE_AA)
    corners = np.array([(0, 0), (800, 0), (800, 480), (0, 480)], np.float32)
    onto = cv2.getPerspectiveTransform(corners, np.array(LID, np.float32) * FINE)
    size = (width * FINE, height * FINE)
    large = [
        np.asarray(cv2.warpPerspective(layer, onto, size, flags=cv2.INTER_AREA), np.uint8) for layer in (paper, shape)
    ]
    return averaged(large[0], height, width), averaged(large[1], height, width)


def glass(height: int, width: int) -> Image:
    """Mask (height, width) of the tumbler's body without the thumb."""
    shape = np.zeros((height * FINE, width * FINE), np.uint8)
    for outline, value in ((GLASS, 255), (THUMB, 0)):
        cv2.fillPoly(shape, [np.array(outline, np.int32) * FINE], value, cv2.LINE_AA)
    return averaged(shape, height, width)


def averaged(large: NDArray[np.uint8], height: int, width: int) -> Image:
    small = cv2.GaussianBlur(shrunk(large, width, height), (3, 3), 0)
    return np.asarray(small, np.float32) / np.float32(255)


def amber(rgb: Image) -> Image:
    """Clear grey glass as amber glass."""
    return np.asarray(np.clip(rgb * np.array([1.15, 0.8, 0.45]) + np.array([0.20, 0.085, 0.0]), 0, 1), np.float32)


def main() -> None:
    for edit in json.loads((DEMO / "edits.json").read_text("utf-8")):
        with Clip.open(DEMO / f"{edit['name']}.mp4") as clip:
            frame = np.clip(clip.frame(edit["frame"]).rgb(), 0, 1)
        height, width = frame.shape[:2]
        if edit["name"] == "box":
            paint, mask = label(height, width)
        else:
            paint, mask = amber(frame), glass(height, width)
        write_png(DEMO / f"{edit['name']}_edited.png", frame + mask[..., None] * (paint - frame), 8)
        write_png(DEMO / f"{edit['name']}_mask.png", np.repeat(mask[..., None], 3, axis=2), 8)


if __name__ == "__main__":
    main()
