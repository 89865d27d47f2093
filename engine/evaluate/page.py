"""The page that a person reads: one HTML file that needs nothing else, no network and no script."""

import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from html import escape
from itertools import count
from math import isfinite
from pathlib import Path

import cv2

from engine.evaluate.document import Cell, Chart, Document, Film, Item, Matrix, Picture, Section, Table
from engine.evaluate.figure import svg

LEAST_WIDTH = 320
"""CSS pixels; smaller pictures are shown enlarged by a whole number, pixel for pixel."""
JPEG_QUALITY = 92
ONE_LINE = 40
"""Letters of a table's words that are kept in one line."""

_STYLE = """
:root { color-scheme: light dark; --paper: #fbfaf8; --ink: #23211e; --soft: #6d6860; --line: #dfdbd4; --mark: #9a4a12;
  --shade: #f2efea; }
@media (prefers-color-scheme: dark) { :root { --paper: #1b1a18; --ink: #e7e3dc; --soft: #a09a90; --line: #3b3833;
  --mark: #f0a468; --shade: #252320; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 17px/1.6 Charter, "Bitstream Charter", "Sitka Text", Cambria, Georgia, serif; }
main { max-width: 62rem; margin: 0 auto; padding: 3rem 1.5rem 6rem; }
h1 { font-size: 2.1rem; line-height: 1.2; margin: 0 0 1.5rem; text-wrap: balance; }
h2 { font-size: 1.45rem; margin: 4rem 0 1rem; padding-top: 1rem; border-top: 1px solid var(--line); }
p, nav, dl { max-width: 42rem; }
p { white-space: pre-line; }
a { color: var(--mark); }
nav ol { padding-left: 2rem; columns: 2 15rem; }
dl, nav, table, figcaption, .note, svg text { font-family: system-ui, "Segoe UI", Roboto, sans-serif; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .25rem 1.5rem; font-size: .88rem; }
dt { color: var(--soft); } dd { margin: 0; overflow-wrap: anywhere; }
figure { margin: 2rem 0; }
figcaption { font-weight: 600; font-size: .95rem; margin-bottom: .5rem; }
.note { color: var(--soft); font-size: .86rem; margin-top: .5rem; max-width: 42rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-size: .88rem; line-height: 1.4; font-variant-numeric: tabular-nums; }
th, td { padding: .38rem .8rem; border-bottom: 1px solid var(--line); text-align: right; white-space: nowrap; }
th { color: var(--soft); font-weight: 600; vertical-align: bottom; white-space: normal; }
.word, .text { text-align: left; }
td.text { white-space: normal; min-width: 24rem; }
th:first-child, td:first-child { position: sticky; left: 0; background: var(--paper); }
tbody tr:hover td { background: var(--shade); }
svg, img, video { display: block; max-width: 100%; height: auto; }
img, video { border-radius: 4px; background: #000; }
.small { image-rendering: pixelated; }
@media print { video { display: none; } h2 { break-after: avoid; } figure { break-inside: avoid; } }
"""


def page(document: Document, films: dict[int, Path]) -> Iterator[str]:
    """The page's text, piece by piece. `films` are the files of the document's films, by the id of each Film."""
    title = escape(document.title)
    yield (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; img-src data:; media-src data:; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n"
    )
    yield from _facts(document.facts)
    anchors = [f"{number}-{_slug(section.title)}" for number, section in enumerate(document.sections, start=1)]
    if len(anchors) > 1:
        entries = (
            f'<li><a href="#{anchor}">{escape(section.title)}</a></li>\n'
            for anchor, section in zip(anchors, document.sections, strict=True)
        )
        yield f'<nav aria-label="Contents">\n<ol>\n{"".join(entries)}</ol>\n</nav>\n'
    names = (f"drawing{number}" for number in count(1))
    for anchor, section in zip(anchors, document.sections, strict=True):
        yield from _section(section, anchor, names, films)
    yield "</main>\n</body>\n</html>\n"


def cell(value: Cell) -> str:
    """What a table shows: four figures of a number, – where there is nothing, ∞ for infinity."""
    if value is None or value != value:
        return "–"
    if isinstance(value, str):
        return value
    if not isfinite(value):
        return "∞" if value > 0 else "−∞"
    if isinstance(value, int) or value == round(value):
        return f"{round(value):,}".replace("-", "−")
    text = f"{value:,.0f}" if abs(value) >= 10_000 else f"{value:.4g}"
    return text.replace("-", "−")


def enlarged(width: int) -> int:
    """How many times as large a picture is shown."""
    return max(1, -(-LEAST_WIDTH // width))


def _facts(facts: dict[str, str]) -> Iterator[str]:
    if facts:
        pairs = (f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>\n" for name, value in facts.items())
        yield f"<dl>\n{''.join(pairs)}</dl>\n"


def _section(section: Section, anchor: str, names: Iterator[str], films: dict[int, Path]) -> Iterator[str]:
    yield f'<section id="{anchor}">\n<h2>{escape(section.title)}</h2>\n'
    for paragraph in filter(None, (part.strip() for part in section.text.split("\n\n"))):
        yield f"<p>{escape(paragraph)}</p>\n"
    for item in section.items:
        yield f"<figure>\n<figcaption>{escape(item.title)}</figcaption>\n"
        yield from _shown(item, names, films)
        if item.note:
            yield f'<div class="note">{escape(item.note)}</div>\n'
        yield "</figure>\n"
    yield "</section>\n"


def _shown(item: Item, names: Iterator[str], films: dict[int, Path]) -> Iterator[str]:
    match item:
        case Table():
            yield from _table(item)
        case Chart() | Matrix():
            yield f'<div class="wide">{svg(item, next(names))}</div>\n'
        case Picture():
            yield _image(item)
        case Film():
            yield from _film(films[id(item)])


def _table(table: Table) -> Iterator[str]:
    kinds = [_kind([row[number] for row in table.rows]) for number in range(len(table.columns))]
    heads = (f"<th{kind}>{escape(name)}</th>" for kind, name in zip(kinds, table.columns, strict=True))
    yield f'<div class="wide" tabindex="0"><table>\n<thead><tr>{"".join(heads)}</tr></thead>\n<tbody>\n'
    for row in table.rows:
        cells = (f"<td{kind}>{escape(cell(value))}</td>" for kind, value in zip(kinds, row, strict=True))
        yield f"<tr>{''.join(cells)}</tr>\n"
    yield "</tbody></table></div>\n"


def _kind(column: Sequence[Cell]) -> str:
    """How a column is set: numbers to the right, words to the left, sentences in several lines."""
    longest = max((len(value) for value in column if isinstance(value, str)), default=0)
    return "" if not longest else ' class="word"' if longest <= ONE_LINE else ' class="text"'


def _image(picture: Picture) -> str:
    height, width = picture.image.shape[:2]
    bgr = cv2.cvtColor(picture.image, cv2.COLOR_RGB2BGR)
    kind, told = ("png", []) if width < LEAST_WIDTH else ("jpeg", [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    _, data = cv2.imencode(f".{kind}", bgr, told)
    source = f"data:image/{kind};base64,{b64encode(data.tobytes()).decode()}"
    return f'<img {_size(width, height)} alt="{escape(picture.title)}" src="{source}">\n'


def _film(path: Path) -> Iterator[str]:
    yield '<video controls loop muted playsinline preload="auto" src="data:video/mp4;base64,'
    with path.open("rb") as file:
        while part := file.read(3 << 16):  # a multiple of 3 bytes is a whole number of letters
            yield b64encode(part).decode()
    yield '"></video>\n'


def _size(width: int, height: int) -> str:
    times = enlarged(width)
    return f'width="{times * width}" height="{times * height}"' + (' class="small"' if times > 1 else "")


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")
