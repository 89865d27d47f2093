"""The app's icon: a film frame with a painted stroke in it, like the panel's. The repository keeps no image of it."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL.Image import Image

SIZES = (16, 24, 32, 48, 64, 128, 256)
"""Edges of the drawn icons, in pixels."""
FRAME, ACCENT = "#48484d", "#2680eb"

HOLES = tuple((left, 17 + 14 * n) for n in range(5) for left in (11, 81))
"""The left upper corners of the film's holes, 8 units square, in a picture of 100."""
_HOLES = " ".join(f"M{x} {y}h8v8h-8z" for x, y in HOLES)
_STROKE = "M30 50 C36 33 42 33 50 50 S64 67 70 50"

SVG = f"""<?xml version="1.0" encoding="UTF-8"?>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 100 100">
  <path fill="{FRAME}" fill-rule="evenodd" d="M10 12h80a4 4 0 0 1 4 4v68a4 4 0 0 1 -4 4H10a4 4 0 0 1 -4 -4V16
    a4 4 0 0 1 4 -4z M24 22v56h52V22z {_HOLES}"/>
  <path fill="none" stroke="{ACCENT}" stroke-width="13" stroke-linecap="round" d="{_STROKE}"/>
</svg>
"""


def draw(size: int) -> "Image":
    """The icon, `size` pixels square, with straight alpha."""
    from PIL import Image, ImageDraw

    fine = 4 * size
    unit = fine / 100
    picture = Image.new("RGBA", (fine, fine))
    pen = ImageDraw.Draw(picture)

    def box(left: float, top: float, right: float, bottom: float) -> tuple[float, float, float, float]:
        return (left * unit, top * unit, right * unit - 1, bottom * unit - 1)

    pen.rounded_rectangle(box(6, 12, 94, 88), radius=4 * unit, fill=FRAME)
    for hole in (box(24, 22, 76, 78), *(box(x, y, x + 8, y + 8) for x, y in HOLES)):
        pen.rectangle(hole, fill=(0, 0, 0, 0))
    first = _curve((30, 50), (36, 33), (42, 33), (50, 50))
    second = _curve((50, 50), (58, 67), (64, 67), (70, 50))
    for x, y in (*first, *second):
        pen.ellipse(box(x - 6.5, y - 6.5, x + 6.5, y + 6.5), fill=ACCENT)
    return picture.resize((size, size), Image.Resampling.BOX)


def write(folder: Path) -> None:
    """Write the icon for every system: videoshop.svg, videoshop-SIZE.png, videoshop.ico and videoshop.icns."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "videoshop.svg").write_text(SVG, "utf-8")
    for size in SIZES:
        draw(size).save(folder / f"videoshop-{size}.png")
    draw(256).save(folder / "videoshop.ico", sizes=[(size, size) for size in SIZES])
    draw(512).save(folder / "videoshop.icns")


Point = tuple[float, float]


def _curve(a: Point, b: Point, c: Point, d: Point, steps: int = 100) -> list[Point]:
    """Points on the cubic Bézier curve from a to d."""
    made = []
    for step in range(steps + 1):
        t = step / steps
        weights = ((1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3)
        made.append(
            (
                sum(w * p[0] for w, p in zip(weights, (a, b, c, d), strict=True)),
                sum(w * p[1] for w, p in zip(weights, (a, b, c, d), strict=True)),
            )
        )
    return made
