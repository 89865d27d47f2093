"""The tray icon, drawn when it is needed: a frame that plays, and how it stands."""

import math
from typing import TYPE_CHECKING

from bridge_server.desktop.tray_state import Mood

if TYPE_CHECKING:
    from PIL.Image import Image

FILL: dict[Mood, tuple[int, int, int]] = {
    "idle": (72, 78, 88),
    "working": (29, 111, 220),
    "paused": (150, 112, 16),
    "error": (196, 43, 48),
}
"""Colours that stand out on light panels and on dark ones, with white on them."""
WHITE = (255, 255, 255)
TO_DO = (14, 58, 122)

STEPS = 16
"""Progress is drawn in so many steps: a panel draws the icon anew for each."""

FINE = 4
"""Each pixel is the mean of so many by so many."""


def steps(share: float) -> int:
    """How many of STEPS are drawn for a share, 0 to 1, of the work."""
    return max(0, min(STEPS, math.floor(share * STEPS)))


def draw(mood: Mood, size: int, share: float = 0.0) -> "Image":
    """The icon, `size` pixels square, with transparent corners."""
    from PIL import Image, ImageDraw

    side = size * FINE
    picture = Image.new("RGBA", (side, side), (0, 0, 0, 0))
    pen = ImageDraw.Draw(picture)
    pen.rounded_rectangle((0, 0, side - 1, side - 1), radius=side * 0.22, fill=FILL[mood])

    def at(*shares: float) -> tuple[float, ...]:
        return tuple(value * side for value in shares)

    match mood:
        case "paused":
            pen.rectangle(at(0.28, 0.26, 0.43, 0.74), fill=WHITE)
            pen.rectangle(at(0.57, 0.26, 0.72, 0.74), fill=WHITE)
        case "error":
            pen.rounded_rectangle(at(0.43, 0.2, 0.57, 0.58), radius=side * 0.05, fill=WHITE)
            pen.ellipse(at(0.42, 0.66, 0.58, 0.82), fill=WHITE)
        case "working":
            pen.polygon([at(0.36, 0.16), at(0.36, 0.62), at(0.74, 0.39)], fill=WHITE)
            pen.rectangle(at(0.16, 0.72, 0.84, 0.86), fill=TO_DO)
            if done := steps(share):
                pen.rectangle(at(0.16, 0.72, 0.16 + 0.68 * done / STEPS, 0.86), fill=WHITE)
        case "idle":
            pen.polygon([at(0.34, 0.24), at(0.34, 0.76), at(0.76, 0.5)], fill=WHITE)
    return picture.resize((size, size), Image.Resampling.BOX)
