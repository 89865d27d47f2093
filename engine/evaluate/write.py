"""A document on disk: for people a page and tables, for programs the numbers, and every chart, picture and film."""

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from fractions import Fraction
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np

from engine.evaluate.document import Chart, Document, Film, Item, Matrix, Picture, Pixels, Table
from engine.evaluate.figure import needs_matplotlib, png
from engine.evaluate.page import cell, enlarged, page
from engine.media.color import planes_of, yuv_layout
from engine.media.flat import H264_OPTIONS
from engine.media.planes import make_frame
from engine.media.safe import write_bytes, writing
from engine.staging import REPORT, Staging

PAGE, TABLES = "report.html", "tables.md"
PLOTS, PICTURES, FILMS = "plots", "pictures", "films"
WRITTEN = (PAGE, TABLES, PLOTS, PICTURES, FILMS, REPORT)

_LAYOUT = yuv_layout(8, 1, 1, False, "bt709", False)
_BT709, _LIMITED = 1, 1


def written(document: Document, staging: Staging, results: Sequence[str] = ()) -> None:
    """Write `document` into `staging`: `report.html`, `report.json`, `tables.md`, `plots/`, `pictures/`, `films/`.

    When all are made they take the place of an earlier report together, and with them `results`, paths of what was made
    there beside them. Raises SettingsError where matplotlib is not installed, OutputError, ResourceError.
    """
    needs_matplotlib()
    at = staging.folder
    for part in (PLOTS, PICTURES, FILMS):
        (at / part).mkdir()
    sections: list[dict[str, Any]] = []
    films: dict[int, Path] = {}
    for number, section in enumerate(document.sections, start=1):
        items: list[dict[str, Any]] = []
        for item in section.items:
            file = _put(item, at, f"{number:02}-{_slug(section.title)}-{len(items) + 1}-{_slug(item.title)}")
            if isinstance(item, Film) and file is not None:
                films[id(item)] = file
            items.append(_numbers(item) | ({"file": file.relative_to(at).as_posix()} if file else {}))
        sections.append({"title": section.title, "text": section.text, "items": items})
    told = {"title": document.title, "facts": document.facts, "sections": sections}
    write_bytes(at / REPORT, (json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n").encode())
    write_bytes(at / TABLES, "".join(_tables(document)).encode())
    with writing(at / PAGE), (at / PAGE).open("w", encoding="utf-8") as text:
        text.writelines(page(document, films))
    staging.publish([*WRITTEN, *results])


def _put(item: Item, folder: Path, name: str) -> Path | None:
    """Write what is drawn into a file of its own."""
    match item:
        case Chart() | Matrix():
            path = folder / PLOTS / f"{name}.png"
            write_bytes(path, png(item))
        case Picture():
            path = folder / PICTURES / f"{name}.png"
            _, data = cv2.imencode(".png", cv2.cvtColor(item.image, cv2.COLOR_RGB2BGR))
            write_bytes(path, data.tobytes())
        case Film():
            path = folder / FILMS / f"{name}.mp4"
            _encode(item.frames, item.fps, path)
        case Table():
            return None
    return path


def _encode(frames: Iterable[Pixels], fps: float, path: Path) -> None:
    """H.264 that browsers play: 4:2:0, BT.709. Small pictures are enlarged, pixel for pixel; odd sizes are made even by
    their last row and column again."""
    pictures = iter(frames)
    first = next(pictures)
    times = enlarged(first.shape[1])
    rate = Fraction(fps).limit_denominator(1001)
    with (
        writing(path),
        av.open(str(path), "w", format="mp4", container_options={"movflags": "+faststart"}) as container,
    ):
        stream = container.add_stream("libx264", rate=rate, options=H264_OPTIONS)
        assert isinstance(stream, av.VideoStream)
        context = stream.codec_context
        context.height, context.width = (times * side + times * side % 2 for side in first.shape[:2])
        context.pix_fmt, context.time_base = _LAYOUT.name, 1 / rate
        context.color_primaries = context.color_trc = context.colorspace = _BT709
        context.color_range = _LIMITED
        for number, picture in enumerate(chain((first,), pictures)):
            frame = make_frame(
                planes_of(
                    _even(picture.repeat(times, 0).repeat(times, 1)).astype(np.float32) / np.float32(255), _LAYOUT
                ),
                _LAYOUT,
            )
            frame.pts, frame.time_base, frame.duration = number, 1 / rate, 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _even(picture: Pixels) -> Pixels:
    height, width = picture.shape[:2]
    return np.pad(picture, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")


def _numbers(item: Item) -> dict[str, Any]:
    """What `report.json` says of an item; a number that is none, or infinite, is null there."""
    kind = {"kind": type(item).__name__.lower()}
    match item:
        case Picture() | Film():
            return kind | {"title": item.title, "note": item.note}
        case _:
            told: dict[str, Any] = _finite(asdict(item))
            return kind | told


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _finite(part) for name, part in value.items()}
    if isinstance(value, (tuple, list)):
        return [_finite(part) for part in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if isfinite(value) else None
    return int(value) if isinstance(value, np.integer) else value


def _tables(document: Document) -> Iterator[str]:
    """The document's text and tables in Markdown."""
    yield f"# {document.title}\n"
    for name, value in document.facts.items():
        yield f"\n- {name}: {value}"
    yield "\n"
    for section in document.sections:
        yield f"\n## {section.title}\n\n{section.text}\n"
        for table in (item for item in section.items if isinstance(item, Table)):
            yield f"\n### {table.title}\n\n{_row(table.columns)}|{'|'.join(' --- ' for _ in table.columns)}|\n"
            for row in table.rows:
                yield _row([cell(value) for value in row])
            if table.note:
                yield f"\n{table.note}\n"


def _row(cells: Iterable[str]) -> str:
    escaped = (text.replace("|", "\\|").replace("\n", " ") for text in cells)
    return f"| {' | '.join(escaped)} |\n"


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", title.lower()).strip("-")[:48]
