"""The built-in set as a folder of cases, as `dataset` reads them: pictures without loss."""

import json
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from engine.evaluate.suite.cases import Made, made
from engine.image import Image
from engine.media import png


def build(
    folder: Path, footage: Path, only: Collection[str] = (), told: Callable[[str], None] = lambda name: None
) -> None:
    """Write the set into `folder`, one folder a case; `only`: no others than these.

    `footage` is the folder of box.mp4, cup.mp4, and the edits painted on them. `told` takes each case's name.
    """
    for case in made(footage, only):
        told(case.name)
        write(case, folder / case.name)


def write(case: Made, folder: Path) -> None:
    """Write one case into `folder`: `source/`, `edited*.png`, `mask*.png`, `truth/`, `case.json`."""
    _write_clip(case.frames, folder / "source")
    if case.truth is not None:
        _write_clip(case.truth, folder / "truth")
    for frame, edited in case.edited.items():
        ending = "" if len(case.edited) == 1 else f".frame{frame:06}"
        _write(edited, folder / f"edited{ending}.png")
        if frame in case.masks:
            _write(case.masks[frame][..., None].repeat(3, axis=2), folder / f"mask{ending}.png")
    told = {"kind": case.edit, "note": case.says} | (
        {"frame": next(iter(case.edited))} if len(case.edited) == 1 else {}
    )
    (folder / "case.json").write_text(json.dumps(told, indent=1) + "\n", "utf-8")


def _write_clip(frames: Iterable[Image], folder: Path) -> None:
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames):
        _write(frame, folder / f"{number:06}.png")


def _write(image: Image, path: Path) -> None:
    path.write_bytes(png.encode(image, 8))
