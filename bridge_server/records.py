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

    model_config = ConfigDict(frozen=True, defer_build=True)

    id: UUID
    hash: str
    request: Request
    host: str
    submitted: float
    clip_size: int
    clip_time: int


def submitted(submission: Submission, folder: Path, now: float) -> Record:
    """The record of a new job whose folder is `folder`. Raises GrantError, TransferError."""
    images, clip = _copied(folder, submission.files, submission.clip, own=submission.uploaded)
    request = request_of(submission.params, clip, images, folder / "out")
    size, time = _stamp(clip)
    return Record(
        id=submission.job,
        hash=submission.hash,
        request=request,
        host=submission.host,
        submitted=now,
        clip_size=size,
        clip_time=time,
    )


def request_of(params: m.JobParams, clip: Path, images: Mapping[UUID, Path], output: Path) -> Request:
    """What the engine is asked for a job's parameters, with the files of its transfers."""
    return Request(
        clip=clip,
        keyframes=tuple(
            KeyframeFiles(edited=images[key.edited], frame=key.frame, mask=images[key.mask] if key.mask else None)
            for key in params.keyframes
        ),
        output=output,
        range=params.range,
        method=params.method,
        formats=params.formats,
        settings=params.settings,
        seed=params.seed,
    )


def repeated(model: Record, rerun: Rerun, folder: Path, now: float) -> Record:
    """The record of a new job with the clip and images of another. Raises JobError, TransferError."""
    old = model.request
    files = {file: file for key in old.keyframes for file in (key.edited, key.mask) if file is not None}
    if not all(file.is_file() for file in files):
        raise JobError.images_gone()
    images, clip = _copied(folder, files, old.clip, own=old.clip.is_relative_to(old.output.parent))
    changed = {name: value for name, value in dict(rerun.changes).items() if value is not None}
    keyframes = tuple(
        KeyframeFiles(edited=images[key.edited], frame=key.frame, mask=images[key.mask] if key.mask else None)
        for key in old.keyframes
    )
    request = old.model_copy(update={**changed, "clip": clip, "keyframes": keyframes, "output": folder / "out"})
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
        stamp = _stamp(clip)
    except GrantError as error:
        return error
    return GrantError.changed(clip.name) if stamp != (record.clip_size, record.clip_time) else None


def _stamp(clip: Path) -> tuple[int, int]:
    """A clip's bytes and the time of its last change. Raises GrantError."""
    try:
        status = clip.stat()
    except OSError:
        raise GrantError.missing(clip.name) from None
    return status.st_size, status.st_mtime_ns


_Name = TypeVar("_Name")


def _copied(folder: Path, files: Mapping[_Name, Path], clip: Path, *, own: bool) -> tuple[dict[_Name, Path], Path]:
    """The job's own copies of its images, and, where it needs one (`own`), of its clip. Raises GrantError."""
    if not clip.exists():
        raise GrantError.missing(clip.name)
    try:
        images = private_folder(folder / "in")
        kept = {name: keep(file, images, file.name) for name, file in files.items()}
        return kept, keep(clip, private_folder(images / "clip"), clip.name) if own else clip
    except OSError as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise TransferError.not_kept(error.strerror or "the disk refused") from None
