"""A dataset of edits: a folder with one folder for each case.

In a case: `source.mp4` (any clip that the engine opens, under this name; or a folder `source/` of numbered pictures);
`edited.png`, an edited frame, or several whose names tell the frame, `edited.frame000012.png`; to each, optionally, its
mask, `mask.png` or `mask.frame000012.png`; optionally `truth.mp4` or `truth/`, what a perfect result looks like; and
optionally `case.json` with any of {"frame": 0, "kind": "add", "note": "what a person should know"}.

The frame of an `edited.png` is what `case.json` says, else it is found in the clip. Other files are left alone.
"""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from engine.errors import EngineError, SettingsError
from engine.media.clip import Clip
from engine.media.source import IMAGE_SUFFIXES
from engine.request import KeyframeFiles

_NUMBERED = re.compile(r"\.frame(\d+)$")


@dataclass(frozen=True)
class Case:
    """An edit of a clip; `truth` is as long and as large as `source`, where it is known."""

    name: str
    source: Path
    keyframes: tuple[KeyframeFiles, ...]
    truth: Path | None = None
    kind: str = ""
    note: str = ""


class _Told(BaseModel):
    model_config = ConfigDict(frozen=True)

    frame: Annotated[int, Field(ge=0)] | None = None
    kind: str = ""
    note: str = ""


class _Fault(Exception):  # noqa: N818 (never seen outside)
    """What is wrong in a case's folder."""


def cases(folder: Path) -> tuple[Case, ...]:
    """The dataset's cases, by name. Raises SettingsError, which tells all that is wrong, in which folder."""
    if not folder.is_dir():
        raise SettingsError.dataset_missing(folder)
    found, faults = [], []
    for place in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(".")):
        try:
            found.append(case(place))
        except _Fault as fault:
            faults.append(f"{place.name}: {fault}")
        except EngineError as error:
            faults.append(f"{place.name}: {error.message.rstrip('.')}")
    if faults:
        raise SettingsError.dataset_faulty(folder, faults)
    if not found:
        raise SettingsError.dataset_empty(folder)
    return tuple(found)


def case(folder: Path) -> Case:
    """The case in `folder`. Raises a _Fault for what is missing or does not belong together, ClipError."""
    told = _told(folder / "case.json")
    source, truth = _clip(folder, "source"), _clip(folder, "truth")
    if source is None:
        raise _Fault("it has no source.mp4 (or other clip, or folder, called source)")
    with Clip.open(source) as clip:
        info = clip.info
    if truth is not None:
        with Clip.open(truth) as clip:
            if (clip.info.size, clip.info.frames) != (info.size, info.frames):
                other = f"{clip.info.frames} frames of {clip.info.size}"
                raise _Fault(f"its truth has {other}, its source {info.frames} of {info.size}")
    keyframes = tuple(_keyframes(folder, told.frame))
    for keyframe in keyframes:
        if keyframe.frame is not None and keyframe.frame >= info.frames:
            raise _Fault(f"{keyframe.edited.name} is of frame {keyframe.frame}, its source has {info.frames} frames")
    return Case(folder.name, source, keyframes, truth, told.kind, told.note)


def _told(path: Path) -> _Told:
    if not path.exists():
        return _Told()
    try:
        return _Told.model_validate(json.loads(path.read_text("utf-8")))
    except (ValueError, OSError) as error:
        first = error.errors()[0] if isinstance(error, ValidationError) else None
        why = f"{'.'.join(map(str, first['loc']))}: {first['msg']}" if first else str(error)
        raise _Fault(f"case.json is not as it should be: {why}") from error


def _clip(folder: Path, name: str) -> Path | None:
    """The one clip, or folder of pictures, called `name`."""
    found = [path for path in folder.iterdir() if (path.stem if path.is_file() else path.name) == name]
    if len(found) > 1:
        raise _Fault(f"it has several clips called {name}: {', '.join(sorted(path.name for path in found))}")
    return found[0] if found else None


def _keyframes(folder: Path, frame: int | None) -> Iterator[KeyframeFiles]:
    images, masks = _images(folder, "edited"), _images(folder, "mask")
    if not images:
        raise _Fault("it has no edited.png (nor one such as edited.frame000012.png)")
    if None in images and len(images) > 1:
        raise _Fault("of several edited images each tells its frame, such as edited.frame000012.png")
    if None not in images and frame is not None:
        raise _Fault("case.json tells a frame, and so does the name of the edited image")
    if strays := set(masks) - set(images):
        names = ", ".join(sorted(masks[number].name for number in strays))
        raise _Fault(f"there is no edited image to {names}")
    for number, image in sorted(images.items(), key=lambda pair: pair[0] or 0):
        yield KeyframeFiles(edited=image, frame=frame if number is None else number, mask=masks.get(number))


def _images(folder: Path, name: str) -> dict[int | None, Path]:
    """The images called `name`, by the frame that their names tell."""
    found: dict[int | None, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix.lower() in IMAGE_SUFFIXES and path.stem.split(".")[0] == name:
            number = _NUMBERED.search(path.stem)
            if number is None and path.stem != name:
                raise _Fault(f"{path.name} does not tell its frame: call it {name}.frame000012{path.suffix}")
            key = int(number[1]) if number else None
            if key in found:
                raise _Fault(f"{found[key].name} and {path.name} are of the same frame")
            found[key] = path
    return found
