import json
import re
import sys
from collections.abc import Iterator
from fractions import Fraction
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest

from engine.errors import SettingsError
from engine.evaluate import figure
from engine.evaluate.document import (
    Chart,
    Document,
    Film,
    Line,
    Matrix,
    Picture,
    Pixels,
    Section,
    Table,
)
from engine.evaluate.page import cell
from engine.evaluate.write import WRITTEN, written
from engine.geometry import Size
from engine.media.clip import Clip
from engine.staging import Staging

NAN, INFINITE = float("nan"), float("inf")


def put(document: Document, folder: Path) -> None:
    with Staging(folder) as staging:
        written(document, staging)


def film(frames: int = 5, height: int = 31, width: int = 401) -> Iterator[Pixels]:
    """Even grey, brighter by ten levels a frame."""
    for number in range(frames):
        yield np.full((height, width, 3), 60 + 10 * number, np.uint8)


def document() -> Document:
    picture = np.zeros((20, 30, 3), np.uint8)
    picture[..., 0] = 255
    table = Table("Per clip", ("clip", "dB", "note"), (("box <b>", 32.713, None), ("a|b", INFINITE, "x")), "Measured.")
    lines = (Line("chord & slope", (1.0, 2.0, 4.0), (0.5, NAN, 0.25), (0.1, 0.1, 0.1)), Line("naive", (1.0,), (2.0,)))
    square = Matrix("Cosines", ("σ 1", "σ 2"), ((1.0, 0.25), (0.25, NAN)))
    return Document(
        "On <paper>",
        {"Weights": "the small & trained"},
        (
            Section("Numbers", "One paragraph.\n\nAnother <one>.", (table, Chart("Error", "σ", "MSE", lines, True))),
            Section("Pictures", "", (square, Picture("Red", picture), Film("Brighter", film(), 25.0))),
        ),
    )


class Page(HTMLParser):
    """What a browser would find: tags, where they lead, text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str] = []
        self.ids: list[str] = []
        self.open: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            if name in ("src", "href", "xlink:href") and value:
                self.links.append(value)
            if name == "id" and value:
                self.ids.append(value)
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if self.open[-1:] == [tag]:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "out"
    put(document(), path)
    return path


@pytest.fixture(scope="module")
def page(folder: Path) -> str:
    return (folder / "report.html").read_text("utf-8")


def test_a_report_is_a_page_numbers_tables_and_a_file_of_all_that_is_shown(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == set(WRITTEN)
    assert sorted(path.name for path in (folder / "plots").iterdir()) == [
        "01-numbers-2-error.png",
        "02-pictures-1-cosines.png",
    ]
    assert [path.name for path in (folder / "pictures").iterdir()] == ["02-pictures-2-red.png"]
    assert [path.name for path in (folder / "films").iterdir()] == ["02-pictures-3-brighter.mp4"]


def test_the_numbers_are_for_programs_and_what_is_no_number_is_null(folder: Path) -> None:
    told = json.loads((folder / "report.json").read_text("utf-8"))
    assert told["facts"] == {"Weights": "the small & trained"}
    table, chart = told["sections"][0]["items"]
    assert table["rows"] == [["box <b>", 32.713, None], ["a|b", None, "x"]]
    assert chart["lines"][0]["ys"] == [0.5, None, 0.25]
    assert (folder / chart["file"]).is_file()
    assert [item["kind"] for item in told["sections"][1]["items"]] == ["matrix", "picture", "film"]


def test_tables_are_markdown_in_which_no_cell_breaks_out(folder: Path) -> None:
    text = (folder / "tables.md").read_text("utf-8")
    assert "| clip | dB | note |\n| --- | --- | --- |\n| box <b> | 32.71 | – |\n| a\\|b | ∞ | x |\n" in text


def test_the_page_is_whole_and_needs_nothing_from_elsewhere(page: str) -> None:
    found = Page(page)
    assert found.open == []
    assert "script" not in found.tags
    assert all(link.startswith(("data:", "#")) for link in found.links)
    assert "default-src 'none'" in page
    assert not re.search(r"url\((?!#)", page)


def test_the_contents_lead_to_the_sections(page: str) -> None:
    found = Page(page)
    inner = [link[1:] for link in found.links if link.startswith("#") and link[1].isdigit()]
    assert inner == ["1-numbers", "2-pictures"]
    assert set(inner) <= set(found.ids)


def test_words_are_shown_as_they_are_written(page: str) -> None:
    assert "<h1>On &lt;paper&gt;</h1>" in page
    assert "Another &lt;one&gt;." in page
    assert "box &lt;b&gt;" in page


def test_charts_are_drawn_in_the_pages_own_ink(page: str) -> None:
    assert page.count("<svg") == 2
    assert "currentColor" in page
    assert figure.INK not in page
    assert "chord &amp; slope" in page


def test_no_two_drawings_share_a_clipping_path(page: str) -> None:
    paths = re.findall(r'<clipPath id="(\w+)"', page)
    assert len(paths) == len(set(paths))


def test_a_film_is_one_that_browsers_play_with_even_sides_and_its_own_colours(folder: Path) -> None:
    with Clip.open(next((folder / "films").iterdir())) as clip:
        assert (clip.info.frames, clip.info.size, clip.info.nominal_fps) == (5, Size(402, 32), Fraction(25))
        assert (clip.info.codec, clip.info.pixel_format) == ("h264", "yuv420p")
        for index, frame in enumerate(clip.frames()):
            assert frame.rgb().mean() * 255 == pytest.approx(60 + 10 * index, abs=1.5)


def test_a_small_film_is_enlarged_pixel_for_pixel(tmp_path: Path) -> None:
    small = Document("", {}, (Section("", "", (Film("Small", film(2, 32, 64), 7.0),)),))
    put(small, tmp_path)
    with Clip.open(next((tmp_path / "films").iterdir())) as clip:
        assert clip.info.size == (320, 160)


def test_an_earlier_report_is_replaced_and_what_else_is_there_stays(tmp_path: Path) -> None:
    put(document(), tmp_path)
    (tmp_path / "mine.txt").write_text("mine")
    put(Document("Empty", {}, ()), tmp_path)
    assert list((tmp_path / "films").iterdir()) == []
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_a_document_that_fails_on_the_way_leaves_the_earlier_one(tmp_path: Path) -> None:
    def broken() -> Iterator[Pixels]:
        yield np.zeros((32, 32, 3), np.uint8)
        raise SettingsError.malformed("film", "torn")

    put(document(), tmp_path)
    before = (tmp_path / "report.json").read_bytes()
    with pytest.raises(SettingsError, match="torn"):
        put(Document("Broken", {}, (Section("", "", (Film("", broken(), 25),)),)), tmp_path)
    assert (tmp_path / "report.json").read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == set(WRITTEN)


def test_without_matplotlib_the_person_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(SettingsError) as caught:
        put(document(), tmp_path / "out")
    assert 'pip install "videoshop-bridge[evaluate]"' in caught.value.hint
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (None, "–"),
        (NAN, "–"),
        (INFINITE, "∞"),
        (-INFINITE, "−∞"),
        (0.9282, "0.9282"),
        (32.71349, "32.71"),
        (-0.5, "−0.5"),
        (12.0, "12"),
        (1234567, "1,234,567"),
        (45678.9, "45,679"),
        ("box", "box"),
    ],
)
def test_a_cell_shows_four_figures(value: str | float | None, shown: str) -> None:
    assert cell(value) == shown


def test_what_does_not_fit_together_is_no_document() -> None:
    with pytest.raises(ValueError, match="columns"):
        Table("t", ("a", "b"), (("x",),))
    with pytest.raises(ValueError, match="places"):
        Line("l", (1.0, 2.0), (1.0,))
    with pytest.raises(ValueError, match="square"):
        Matrix("m", ("a", "b"), ((1.0, 2.0),))
