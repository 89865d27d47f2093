"""The app's icon."""

import xml.etree.ElementTree as ET
from pathlib import Path

from PIL import Image

from installer.icon import SIZES, SVG, draw


def test_every_system_gets_its_file_in_all_sizes(icons: Path) -> None:
    assert Image.open(icons / "videoshop.ico").info["sizes"] == {(size, size) for size in SIZES}
    assert Image.open(icons / "videoshop.icns").size[0] >= 512
    for size in SIZES:
        assert Image.open(icons / f"videoshop-{size}.png").size == (size, size)


def test_drawn_and_vector_icon_show_a_blue_stroke_in_a_dark_frame_on_nothing() -> None:
    picture = draw(100)
    assert picture.getpixel((0, 0)) == (0, 0, 0, 0)
    assert picture.getpixel((50, 15)) == (0x48, 0x48, 0x4D, 255)
    assert picture.getpixel((50, 50)) == (0x26, 0x80, 0xEB, 255)
    assert picture.getpixel((15, 21)) == (0, 0, 0, 0)
    assert [child.get("stroke") for child in ET.fromstring(SVG)] == [None, "#2680eb"]
