"""Progress on the command line: a bar for each stage of what the engine process does."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from bridge_server import worker
from bridge_server.console import plain, progress
from engine.request import Event, Stage

if TYPE_CHECKING:  # rich takes 3 MB: it is imported when a person is to see something, which the service spares
    from rich.progress import Progress, TaskID

STAGES: dict[Stage, str] = {
    "probe": "Reading the clip",
    "locate": "Finding the frame",
    "plan": "Planning",
    "encode": "Encoding",
    "invert": "Inverting",
    "generate": "Generating",
    "decode": "Decoding",
    "propagate": "Propagating",
    "write": "Writing",
}


def asked(do: str, arguments: dict[str, Any], names: Mapping[Stage, str] = STAGES) -> dict[str, Any]:
    """Run one command in the engine process, with bars. Raises WorkerError."""
    with bars(names) as shown:
        return worker.run(do, json.loads(json.dumps(arguments)), lambda event: shown.show(event))


class Bars:
    """A progress bar for each stage, under its name."""

    def __init__(self, progress: "Progress", names: Mapping[Stage, str]) -> None:
        self._progress, self._names = progress, names
        self._tasks: dict[str, TaskID] = {}
        self._title = ""
        self._said: set[str] = set()

    def title(self, title: str) -> None:
        """What the next bars are about."""
        self._title = f"{title}: "

    def show(self, event: Event) -> None:
        self.advance(event.stage, event.done, event.total)
        if event.message and event.message not in self._said:
            self._said.add(event.message)
            self._progress.console.print(plain(event.message), style="dim")

    def advance(self, stage: Stage, done: int, total: int) -> None:
        name = f"{self._title}{self._names[stage]}"
        if name not in self._tasks:
            self._tasks[name] = self._progress.add_task(name, total=total)
        self._progress.update(self._tasks[name], completed=done, total=total)


@contextlib.contextmanager
def bars(names: Mapping[Stage, str] = STAGES) -> Iterator[Bars]:
    from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeRemainingColumn

    columns = (
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    with progress(*columns) as shown:
        yield Bars(shown, names)
