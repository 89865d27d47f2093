"""Weights come from the hub, or from a folder, into the store; they are checked, and go again.

A model's folder has a marker of what is to come until all of it is there; then a manifest of what is. Every file
appears under its name when its bytes have been checked. So a download may be stopped or killed at any moment.
"""

import json
import os
import shutil
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

# A plain HTTP server is enough: without the hub's own transport, its statistics, and links between folders.
for _extra in ("XET", "TELEMETRY", "SYMLINKS", "PROGRESS_BARS", "UPDATE_CHECK"):
    os.environ.setdefault(f"HF_HUB_DISABLE_{_extra}", "1")

import httpx  # noqa: E402
from huggingface_hub import HfApi, get_token, hf_hub_url  # noqa: E402
from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled  # noqa: E402

from engine.errors import ResourceError, WeightsError  # noqa: E402
from engine.request import Event, OnEvent, Stage  # noqa: E402
from engine.videoshop.catalogue import MANIFEST, MARKER, KnownModel, Precision, needed  # noqa: E402
from engine.videoshop.fetch import (  # noqa: E402
    BLOCK,
    PAUSES,
    Digest,
    Expected,
    Later,
    Patience,
    Source,
    check,
    fetch,
    hashed,
    partial,
    session,
)
from engine.videoshop.stock import Contents, Listed, contents_of, held, state_of  # noqa: E402
from engine.videoshop.weights import inspect  # noqa: E402

HUB = "https://huggingface.co"
MARGIN_BYTES = 64 << 20
"""What is left free on the disk."""
TELL_SECONDS = 0.1

Fault = Literal["missing", "size", "bytes"]


class Progress:
    """Bytes done of a total, told as events a few times a second; what the callback raises stops the work."""

    def __init__(self, on_event: OnEvent, stage: Stage, total: int) -> None:
        self._on_event, self._stage, self._total = on_event, stage, total
        self._told = 0.0
        self.done, self.file = 0, ""

    def __call__(self, more: int) -> None:
        self.done += more
        now = time.monotonic()
        if now - self._told >= TELL_SECONDS:
            self._told = now
            self.tell()

    def tell(self) -> None:
        done = max(0, min(self.done, self._total))
        self._on_event(Event(stage=self._stage, done=done, total=self._total, message=self.file or None))


def endpoint() -> str:
    """The hub's address."""
    return os.environ.get("HF_ENDPOINT", HUB).rstrip("/")


def download(
    model: KnownModel,
    root: Path,
    on_event: OnEvent,
    *,
    accepted: bool,
    token: str | None = None,
    precision: Precision = "half",
    pauses: tuple[float, ...] = PAUSES,
) -> Contents:
    """Bring a model into `root`/NAME: what is there and right is kept, the rest is fetched.

    Raises WeightsError (licence_not_accepted unless `accepted`; see `fetch.fetch`), ResourceError.disk_full.
    """
    if not accepted:
        raise WeightsError.licence_needed(model.name, model.licence.terms)
    folder = root / model.name
    with held(root, model.name):
        contents = _begun(folder, model, precision) or _listing(model, precision, token, pauses, on_event)
        progress = Progress(on_event, "write", contents.size)
        missing = _missing(folder, contents, progress)
        if missing or state_of(folder) != "installed":
            _room(folder, sum(file.size - _kept(folder / name, file) for name, file in missing.items()))
            _mark(folder, contents)
            for name, file in missing.items():
                url = hf_hub_url(model.repository, name, revision=contents.commit, endpoint=endpoint())
                progress.file = name
                source = Source(url, _headers(token), model.repository, name, pauses)
                fetch(source, _expected(file), folder / name, progress)
            contents = _finish(folder, contents)
        progress.done = contents.size
        progress.tell()
    return contents


def bring(model: KnownModel, root: Path, origin: Path, on_event: OnEvent, *, accepted: bool) -> Contents:
    """Copy a model into `root`/NAME from a folder: one in diffusers' layout, one that holds such, or a hub's cache.

    Raises WeightsError: not_weights, wrong_model, and whatever else is wrong with the files there.
    """
    if not accepted:
        raise WeightsError.licence_needed(model.name, model.licence.terms)
    source = _model_in(origin, model)
    found = inspect(source)
    if found.frames != model.frames:
        raise WeightsError.wrong_model(source, f"a model of {found.frames} frames and not {model.name}")
    names = {file.relative_to(source).as_posix() for file in source.rglob("*") if file.is_file()}
    known = contents_of(source)
    chosen = needed(names, "half", source)
    folder = root / model.name
    with held(root, model.name):
        files = {name: Listed(size=(source / name).stat().st_size, digest="sha256:") for name in chosen}
        contents = _contents(model, "copied", "half", files)
        _room(folder, contents.size)
        _mark(folder, contents)
        progress = Progress(on_event, "write", contents.size)
        for name, file in files.items():
            progress.file = name
            digest = _copied(source / name, folder / name, progress)
            told = known.files.get(name) if known else None
            if told and told.digest.startswith("sha256:") and told.digest != digest:
                (folder / name).unlink()
                raise WeightsError.damaged(source / name, "its bytes are not those that were downloaded")
            files[name] = file.model_copy(update={"digest": digest})
        contents = _finish(folder, contents.model_copy(update={"files": files}))
        progress.tell()
    return contents


def faults(folder: Path, on_event: OnEvent) -> dict[str, Fault]:
    """Which files of a model are not as its manifest says: it reads them all. Raises WeightsError where there is none
    and the files themselves are wrong."""
    contents = contents_of(folder)
    if contents is None or state_of(folder) == "incomplete":
        inspect(folder)
        return {}
    progress = Progress(on_event, "probe", contents.size)
    found: dict[str, Fault] = {}
    for name, file in contents.files.items():
        path, before, progress.file = folder / name, progress.done, name
        if not path.is_file():
            found[name] = "missing"
        elif path.stat().st_size != file.size:
            found[name] = "size"
        elif not _expected(file).met_in(path, progress):
            found[name] = "bytes"
        progress.done = before + file.size
    progress.tell()
    return found


def _begun(folder: Path, model: KnownModel, precision: Precision) -> Contents | None:
    """What an earlier download of the same files was to bring."""
    contents = contents_of(folder)
    if contents is None or contents.commit == "copied":
        return None
    same = (contents.repository, contents.precision) == (model.repository, precision)
    return contents if same else None


def _listing(
    model: KnownModel, precision: Precision, token: str | None, pauses: tuple[float, ...], on_event: OnEvent
) -> Contents:
    """The files that are needed, as the hub lists them."""
    api, hub = HfApi(endpoint=endpoint(), token=token), endpoint()
    headers = _headers(token)
    source = Source(f"{hub}/api/models/{model.repository}", headers, model.repository, "the list of files", pauses)
    progress = Progress(on_event, "write", 0)
    patience = Patience(source, progress)
    session(source)
    while True:
        progress.tell()
        try:
            info = api.model_info(model.repository, revision="main", files_metadata=True, timeout=10.0)
            listed = {
                file.rfilename: Listed(
                    size=file.lfs.size if file.lfs else file.size or 0,
                    digest=f"sha256:{file.lfs.sha256}" if file.lfs else f"git:{file.blob_id}",
                )
                for file in info.siblings or ()
                if file.lfs or (file.size is not None and file.blob_id)
            }
            break
        except OfflineModeIsEnabled as error:
            raise WeightsError.unreachable(hub, "HF_HUB_OFFLINE is set") from error
        except HfHubHTTPError as error:
            try:
                check(error.response, source)
            except Later as later:
                patience.wait(later)
        except httpx.TransportError as trouble:
            patience.wait(trouble)
        except (ValueError, TypeError, KeyError, httpx.InvalidURL) as error:
            raise WeightsError.server_failed(hub, "its answer is not a hub's") from error
    names = needed(listed, precision, Path(model.repository))
    return _contents(model, info.sha or "main", precision, {name: listed[name] for name in names})


def _headers(token: str | None) -> dict[str, str]:
    token = token or get_token()
    return {"User-Agent": "videoshop-bridge"} | ({"Authorization": f"Bearer {token}"} if token else {})


def _contents(model: KnownModel, commit: str, precision: Precision, files: Mapping[str, Listed]) -> Contents:
    return Contents(
        name=model.name,
        repository=model.repository,
        commit=commit,
        precision=precision,
        licence=model.licence.name,
        accepted=datetime.now(UTC).isoformat(timespec="seconds"),
        files=dict(files),
    )


def _expected(file: Listed) -> Expected:
    return Expected(file.size, file.digest)


def _missing(folder: Path, contents: Contents, progress: Progress) -> dict[str, Listed]:
    """The files that are not there, or not right."""
    missing = {}
    for name, file in contents.files.items():
        before, progress.file = progress.done, name
        if _expected(file).met_in(folder / name, progress):
            continue
        progress.done = before
        missing[name] = file
    return missing


def _kept(path: Path, file: Listed) -> int:
    """Bytes of a file's beginning that an earlier attempt left."""
    part = partial(path, _expected(file))
    return min(part.stat().st_size, file.size) if part.is_file() else 0


def _room(folder: Path, needed_bytes: int) -> None:
    there = next(parent for parent in (folder, *folder.parents) if parent.is_dir())
    free = shutil.disk_usage(there).free
    if free < needed_bytes + MARGIN_BYTES:
        raise ResourceError.no_room_for_weights(folder, needed_bytes, free)


def _mark(folder: Path, contents: Contents) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    _written(folder / MARKER, contents)
    (folder / MANIFEST).unlink(missing_ok=True)


def _finish(folder: Path, contents: Contents) -> Contents:
    """Check the model as a whole, drop what is left over, and write the manifest."""
    for path in [*folder.glob("*/.*.part"), *folder.glob(".*.part"), *folder.glob("*/*.safetensors")]:
        if path.relative_to(folder).as_posix() not in contents.files:
            path.unlink()
    files = {
        name: file if file.digest.startswith("sha256:") else _with_sha256(folder / name, file)
        for name, file in contents.files.items()
    }
    contents = contents.model_copy(update={"files": files})
    inspect(folder, finished=True)
    _written(folder / MANIFEST, contents)
    (folder / MARKER).unlink()
    return contents


def _with_sha256(path: Path, file: Listed) -> Listed:
    return file.model_copy(update={"digest": f"sha256:{hashed(path, _sha256()).hexdigest()}"})


def _sha256() -> Digest:
    return Expected(0, "sha256:").running()


def _written(path: Path, contents: Contents) -> None:
    """Write aside, sync, rename."""
    aside = path.with_name(f".{path.name}.new")
    with aside.open("w", encoding="utf-8") as file:
        file.write(json.dumps(contents.model_dump(mode="json"), indent=1))
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def _copied(source: Path, path: Path, progress: Progress) -> str:
    """Copy a file, written aside; its digest."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part, digest = path.with_name(f".{path.name}.copy.part"), _sha256()
    with source.open("rb") as read, part.open("wb") as write:
        while block := read.read(BLOCK):
            write.write(block)
            digest.update(block)
            progress(len(block))
        write.flush()
        os.fsync(write.fileno())
    part.replace(path)
    return f"sha256:{digest.hexdigest()}"


def _model_in(origin: Path, model: KnownModel) -> Path:
    """The folder in diffusers' layout at `origin` or in it."""
    if not origin.is_dir():
        raise WeightsError.missing(origin)
    owner, _, name = model.repository.partition("/")
    cache = f"models--{owner}--{name}/snapshots"
    candidates = [origin, origin / model.name, origin / name, origin / owner / name]
    for snapshots in (origin / "snapshots", origin / cache, origin / "hub" / cache):
        candidates += sorted(snapshots.glob("*"))
    return next((folder for folder in candidates if (folder / "model_index.json").is_file()), origin)
