"""`videoshop demo`: a real service on a free port, and the Python client in Photoshop's place."""

import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bridge_server.client import Client, Preview
from bridge_server.desktop.paths import Places
from bridge_server.errors import ServiceError, WorkerError
from bridge_server.protocol import messages as m
from bridge_server.server import BridgeServer
from bridge_server.worker import EngineProcess
from engine.request import Stage

ASSETS = Path(__file__).parent


@dataclass(frozen=True)
class BundledEdit:
    """A clip NAME.mp4 with an edit painted on frame `frame`: NAME_edited.png, and where: NAME_mask.png."""

    name: str
    frame: int
    says: str
    folder: Path = ASSETS

    @property
    def clip(self) -> Path:
        return self.folder / f"{self.name}.mp4"

    @property
    def edited(self) -> Path:
        return self.folder / f"{self.name}_edited.png"

    @property
    def mask(self) -> Path:
        return self.folder / f"{self.name}_mask.png"


EDITS = tuple(BundledEdit(**entry) for entry in json.loads((ASSETS / "edits.json").read_text("utf-8")))


class Shown(Protocol):
    """Where progress is shown."""

    def title(self, title: str) -> None: ...
    def advance(self, stage: Stage, done: int, total: int) -> None: ...


async def run(output: Path, edits: Sequence[BundledEdit], shown: Shown) -> list[Path]:
    """Propagate each edit through a service of its own, into `output`/NAME; the paths of what was made.

    Raises BridgeError.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        working = tempfile.TemporaryDirectory(dir=output, prefix=".demo.")
    except OSError as error:
        raise ServiceError.folder_unusable(output, error.strerror or "the disk refused") from None
    with working as folder:
        places = Places(Path(folder) / "config", Path(folder) / "data")
        made: list[Path] = []
        async with BridgeServer(places, ports=(0,)), await Client.connect(places, host="demo") as client:
            for edit in edits:
                shown.title(edit.name)
                result = await propagate(client, edit, shown)
                made += await keep(result, edit, output / edit.name, shown)
        return made


async def propagate(client: Client, edit: BundledEdit, shown: Shown) -> m.Result:
    """What the panel in Photoshop does: grant the clip, send the edited frame and its mask, submit, watch."""
    grant = await client.grant(edit.clip)
    edited = await client.upload_png(edit.edited)
    mask = await client.upload_png(edit.mask)
    keyframe = m.KeyframeParams(edited=edited, frame=edit.frame, mask=mask)
    accepted = await client.submit(m.JobParams(grant=grant, keyframes=(keyframe,)))
    async for news in client.watch(accepted.job):
        if not isinstance(news, Preview) and news.stage is not None:
            shown.advance(news.stage, news.done, news.total)
        if isinstance(news, m.JobState) and news.error is not None:
            fault = news.error
            raise WorkerError(fault.code, fault.message, fault.hint, ref=fault.ref)
        if isinstance(news, m.JobState) and news.result is not None:
            return news.result
    raise WorkerError.stopped()


async def keep(result: m.Result, edit: BundledEdit, folder: Path, shown: Shown) -> list[Path]:
    """Move a job's files to `folder`, and have the engine draw source and result side by side."""
    folder.mkdir(exist_ok=True)
    kept = []
    for name in result.files:
        shutil.move(Path(result.folder) / name, folder / name)
        kept.append(folder / name)
    sheet, movie = folder / "contact_sheet.png", folder / "side_by_side.mp4"
    compare = {
        "clip": str(edit.clip),
        "flat": str(folder / "flat.mp4"),
        "keyframe": edit.frame,
        "contact_sheet": str(sheet),
        "side_by_side": str(movie),
    }
    engine = EngineProcess()
    try:
        await engine.ask("compare", compare, lambda event: shown.advance(event.stage, event.done, event.total))
    finally:
        await engine.close()
    return [*kept, sheet, movie]
