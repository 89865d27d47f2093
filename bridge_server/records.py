"""What a job is and stays: made of a submission, with the job's own copies of its images in its folder.

A job's folder holds `in`, its images; `out`, its result; and a thumbnail.
"""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from bridge_server.desktop.paths import private_folder
from bridge_server.errors import GrantError, JobError, TransferError
from bridge_server.intake import keep
from bridge_server.protocol import messages as m
from bridge_server.protocol.ports import Rerun, Submission
from engine.request import KeyframeFiles, Request

THUMBNAIL = "thumbnail.jpg"


class Record(BaseModel):
    """What a job is. `clip_size` (bytes) and `clip_time` (ns since 1970) are the clip's when it was submitted."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    hash: str
    request: Request
    host: str
    submitted: float
    clip_size: int
    clip_time: int


def submitted(submission: Submission, folder: Path, now: float) -> Record:
    """The record of a new job whose folder is `folder`. Raises GrantError, TransferError."""
    params = submission.params
    try:
        clip = submission.clip.stat()
    except OSError:
        raise GrantError.missing(submission.clip.name) from None
    kept = _images(folder, submission.files)
    request = Request(
        clip=submission.clip,
        keyframes=tuple(
            KeyframeFiles(edited=kept[key.edited], frame=key.frame, mask=kept[key.mask] if key.mask else None)
            for key in params.keyframes
        ),
        output=folder / "out",
        range=params.range,
        method=params.method,
        formats=params.formats,
        settings=params.settings,
        seed=params.seed,
    )
    return Record(
        id=submission.job,
        hash=submission.hash,
        request=request,
        host=submission.host,
        submitted=now,
        clip_size=clip.st_size,
        clip_time=clip.st_mtime_ns,
    )


def repeated(model: Record, rerun: Rerun, folder: Path, now: float) -> Record:
    """The record of a new job with the clip and images of another. Raises JobError, TransferError."""
    old = model.request
    files = {file: file for key in old.keyframes for file in (key.edited, key.mask) if file is not None}
    if not all(file.is_file() for file in files):
        raise JobError.images_gone()
    kept = _images(folder, files)
    changed = {name: value for name, value in dict(rerun.changes).items() if value is not None}
    keyframes = tuple(
        KeyframeFiles(edited=kept[key.edited], frame=key.frame, mask=kept[key.mask] if key.mask else None)
        for key in old.keyframes
    )
    request = old.model_copy(update={**changed, "keyframes": keyframes, "output": folder / "out"})
    new = {"id": rerun.job, "hash": rerun.hash, "host": rerun.host, "submitted": now, "request": request}
    return model.model_copy(update=new)


def described(record: Record) -> m.JsonObject:
    """What a job was asked to do, without what names a file."""
    request: dict[str, Any] = record.request.model_dump(mode="json")
    keyframes = [{"frame": key["frame"], "mask": key["mask"] is not None} for key in request["keyframes"]]
    return {"keyframes": keyframes, **{name: request[name] for name in m.Changes.model_fields}}


def clip_fault(record: Record) -> GrantError | None:
    """What is wrong with a job's clip, if it is no longer as it was submitted."""
    clip = record.request.clip
    try:
        status = clip.stat()
    except OSError:
        return GrantError.missing(clip.name)
    if (status.st_size, status.st_mtime_ns) != (record.clip_size, record.clip_time):
        return GrantError.changed(clip.name)
    return None


_Name = TypeVar("_Name")


def _images(folder: Path, files: Mapping[_Name, Path]) -> dict[_Name, Path]:
    try:
        images = private_folder(folder / "in")
        return {name: keep(file, images, file.stem) for name, file in files.items()}
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise TransferError.not_kept(error.strerror or "the disk refused") from None
