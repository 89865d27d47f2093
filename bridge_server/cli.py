"""The `videoshop` command."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any, get_args

import typer
from pydantic import ValidationError
from typer.exceptions import TyperException

from bridge_server import (
    doctor_cli,
    engine_cli,
    evaluate_cli,
    jobs_cli,
    pairing_cli,
    plugins_cli,
    settings_cli,
    tray_cli,
    uninstall_cli,
    update_cli,
    weights_cli,
    words,
)
from bridge_server.bars import asked, bars
from bridge_server.console import complain, plain, say
from bridge_server.desktop.frozen import frozen
from bridge_server.desktop.paths import Places
from bridge_server.errors import BridgeError, ServiceError, WorkerError
from engine.request import Format, KeyframeFiles, MethodName, Request

DONE, FAILED, BAD_INPUT, CANCELLED = 0, 1, 2, 130

SETUP_STEP = "setup-step"
OURS = frozenset({"internal", "engine.crashed", "engine.hung", "engine.cannot_start"})
"""Codes of faults that are not the input's."""

ANSWER_SECONDS = 3.0
"""How long a running service may take to say how it is."""

app = typer.Typer(
    name="videoshop",
    help="Edit one frame of a video, propagate the edit through the clip.\n\n"
    "**videoshop frame** CLIP 12 -o frame.png writes the frame to edit; edit it with any program; then "
    "**videoshop propagate** CLIP --edited frame.png --output result carries the edit through the clip. "
    "**videoshop demo** shows all of it on real clips.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ClipArgument = Annotated[Path, typer.Argument(help="A video file, or a folder of numbered images.", show_default=False)]


def _version(asked: bool) -> None:
    if asked:
        print(f"videoshop {version('videoshop-bridge')}")
        raise typer.Exit


@app.callback()
def videoshop(
    version: Annotated[
        bool, typer.Option("--version", help="Show the version and exit.", is_eager=True, callback=_version)
    ] = False,
) -> None: ...


@app.command(
    epilog="**Examples**\n\n"
    "`videoshop propagate shot.mov --edited frame.png --output result`\n\n"
    "The edited frame is found in the clip, the mask is what differs from it.\n\n"
    "`videoshop propagate shot.mov --edited a.png --frame 0 --edited b.png --frame 48 --output result`\n\n"
    "Two edited frames; between them the edit blends.\n\n"
    "`videoshop propagate shot.mov --edited tint.png --set transfer=appearance --range 10:90 --output result`"
)
def propagate(
    clip: ClipArgument,
    edited: Annotated[
        list[Path], typer.Option(help="The edited frame, at the clip's size. Repeat for several.", show_default=False)
    ],
    output: Annotated[Path, typer.Option(help="Folder for layer, flat clip and report.", show_default=False)],
    frame: Annotated[
        list[int] | None,
        typer.Option(min=0, help="Index of the edited frame; found in the clip if not given. One for each --edited."),
    ] = None,
    mask: Annotated[
        list[Path] | None,
        typer.Option(help="White where it was edited; else its alpha, else the difference. One for each --edited."),
    ] = None,
    range: Annotated[
        str, typer.Option(metavar="A:B", help="Only source frames A to B − 1; either may be left out.")
    ] = ":",
    method: Annotated[str, typer.Option(help=f"How: {' or '.join(get_args(MethodName))}.")] = "flow",
    weights: Annotated[Path | None, typer.Option(help="Folder of model weights, for `videoshop`.")] = None,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="A setting of the method, e.g. transfer=opaque. Repeatable."),
    ] = None,
    format: Annotated[
        str,
        typer.Option(help="mov: ProRes 4444 layer. mp4: H.264 flat. mkv: lossless flat. png: both as images."),
    ] = "mov,mp4",
    seed: Annotated[int, typer.Option(help="Seed of what is drawn by chance.")] = 0,
) -> None:
    """Carry an edit that was painted on one frame (or several) through the clip.

    Writes into OUTPUT: layer.mov, the edit alone with straight alpha; flat.mp4, the finished clip; report.json.
    """
    keyframes = [
        KeyframeFiles(edited=image.absolute(), frame=index, mask=matte.absolute() if matte else None)
        for image, index, matte in zip(
            edited, words.each("--frame", frame, edited), words.each("--mask", mask, edited), strict=True
        )
    ]
    request = _request(
        clip=clip.absolute(),
        keyframes=tuple(keyframes),
        output=output.absolute(),
        range=words.range(range),
        method=words.one_of("--method", method, get_args(MethodName)),
        formats=tuple(words.one_of("--format", name.strip(), get_args(Format)) for name in format.split(",")),
        settings=dict(words.setting(text) for text in settings or ()),
        seed=seed,
        weights=weights.absolute() if weights else None,
    )
    report = asked("propagate", {"request": request.model_dump(mode="json")})
    for written in report.get("outputs", ()):
        print(output / written["path"])
    print(output / "report.json")
    for warning in report.get("quality", {}).get("warnings", ()):
        say(f"[yellow]Note:[/] {plain(warning)}")


@app.command(
    epilog="**Example**\n\n`videoshop locate shot.mov painted.png` prints `12 0.994`: frame 12, almost surely."
)
def locate(
    clip: ClipArgument,
    edited: Annotated[Path, typer.Argument(help="An edit of one of the clip's frames.", show_default=False)],
) -> None:
    """Find which frame of the clip an image is an edit of. Prints the frame's index and the confidence (0 to 1)."""
    found = asked("locate", {"clip": str(clip.absolute()), "edited": str(edited.absolute())})
    print(f"{found['frame']} {found['confidence']:.3f}")


@app.command(epilog="**Example**\n\n`videoshop frame shot.mov 12 -o frame.png`")
def frame(
    clip: ClipArgument,
    index: Annotated[int, typer.Argument(min=0, metavar="N", help="Index of the frame, from 0.", show_default=False)],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="The PNG to write, or its folder.  [default: CLIP_N.png]", show_default=False
        ),
    ] = None,
) -> None:
    """Write one exact frame as a PNG, to edit it in any program; 16-bit where the clip has more than 8 bits."""
    name = f"{clip.stem}_{index:06d}.png"
    path = (output / name if output and output.is_dir() else output or Path(name)).absolute()
    if path.suffix.lower() != ".png":
        raise typer.BadParameter(f"--output names a PNG, not “{path.name}”.")
    written = asked("frame", {"clip": str(clip.absolute()), "frame": index, "output": str(path)})
    print(written["output"])


@app.command(epilog="**Example**\n\n`videoshop demo --output videoshop-demo`")
def demo(
    output: Annotated[Path, typer.Option(help="Folder for the results.")] = Path("videoshop-demo"),
) -> None:
    """Show the whole chain on real clips: a client in Photoshop's place sends an edit to the service."""
    from bridge_server.demo.run import EDITS, run

    with bars() as shown:
        results = _to_the_end(run(output.absolute(), EDITS, shown))
    for result in results:
        print(result)


@app.command(epilog="**Example**\n\n`videoshop serve` and then press *Propagate to video* in Photoshop's panel.")
def serve(
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="Listen here instead of the usual ports.")] = None,
    allow_origin: Annotated[
        list[str] | None, typer.Option(help="A page that may connect, such as http://localhost:3000. Repeatable.")
    ] = None,
    keep_days: Annotated[
        float | None, typer.Option(min=0, help="Forget results after so many days; without it they stay.")
    ] = None,
    keep_gb: Annotated[
        float | None, typer.Option(min=0, help="Forget the oldest ended jobs when all take more than this.")
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Show the log on stderr too.")] = False,
) -> None:
    """Run the service that image editors connect to. It listens on this machine only; Ctrl-C ends it.

    There is one for each user: where it runs already, this says how it is.
    """
    from bridge_server import logs
    from bridge_server.desktop.instance import single
    from bridge_server.desktop.memory import give_back
    from bridge_server.retention import Retention
    from bridge_server.server import PATH, PORTS, BridgeServer

    places = Places.of_user()
    retention = Retention(result_days=keep_days, most_bytes=None if keep_gb is None else round(keep_gb * 1e9))

    async def serving() -> None:
        ports = PORTS if port is None else (port,)
        async with BridgeServer(places, ports=ports, origins=origins, retention=retention) as server:
            print(f"Listening on ws://localhost:{server.port}{PATH}", flush=True)
            print(f"The pairing token is in {places.token}", flush=True)
            if frozen() and places.versions.exists():
                from bridge_server.desktop.versions import prove

                prove(places, version("videoshop-bridge"))
            give_back()
            await server.wait()

    try:
        with single(places):
            logs.begin(places.logs, verbose=verbose, say=_note)
            origins = (*(allow_origin or ()), *_chosen(places))
            with contextlib.suppress(asyncio.CancelledError):
                _to_the_end(serving())
    except ServiceError as error:
        if not error.already:
            raise
        print(error.message)
        print(_to_the_end(_its_jobs(places)))


app.command("open", epilog="**Example**\n\n`videoshop open`")(pairing_cli.open_page)
app.command(epilog="**Example**\n\n`videoshop pair`, then type the code into the panel.")(pairing_cli.pair)
app.command(epilog=doctor_cli.EPILOG)(doctor_cli.doctor)
app.command(epilog=tray_cli.EPILOG)(tray_cli.tray)
app.command(epilog=uninstall_cli.EPILOG)(uninstall_cli.uninstall)
app.add_typer(jobs_cli.app)
app.add_typer(weights_cli.app)
app.add_typer(engine_cli.app)
app.add_typer(evaluate_cli.app)
app.add_typer(plugins_cli.app)
app.add_typer(settings_cli.app)
app.add_typer(update_cli.app)
app.command(hidden=True)(update_cli.self_test)


@app.command(SETUP_STEP, hidden=True)
def setup_step() -> None:
    """What the service starts to have a part looked at, installed or removed."""
    from bridge_server.desktop import setting_up

    setting_up.run()


GROUPS = {
    engine_cli.NAME,
    evaluate_cli.NAME,
    jobs_cli.NAME,
    plugins_cli.NAME,
    settings_cli.NAME,
    update_cli.NAME,
    weights_cli.NAME,
}


def main() -> None:
    """Run the command line: exit code 0 done, 1 a fault of ours, 2 bad input, 130 cancelled."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run the command line and return its exit code; errors are one line and a hint on stderr."""
    _prepare(arguments)
    try:
        code = app(list(arguments), prog_name="videoshop", standalone_mode=False)
    except TyperException as error:
        if not error.format_message():  # a command without arguments has shown its help
            return BAD_INPUT
        command = next((word for word in arguments if not word.startswith("-")), "")
        commands = {info.name or _name(info.callback) for info in app.registered_commands} | GROUPS
        known = command if command in commands else ""
        complain(error.format_message(), f"See `videoshop {f'{known} --help'.strip()}`.")
        return BAD_INPUT
    except BridgeError as error:
        complain(error.message, error.hint)
        if isinstance(error, WorkerError) and error.cancelled:
            return CANCELLED
        return FAILED if error.code in OURS else BAD_INPUT
    except (KeyboardInterrupt, asyncio.CancelledError):
        code = CANCELLED
    if code == CANCELLED:  # typer turns the interrupts that it meets into this code
        complain("Cancelled.", "Start it again when you like.")
    return code if isinstance(code, int) else DONE


# From words to values


def _request(**values: Any) -> Request:
    try:
        return Request(**values)
    except ValidationError as error:
        raise typer.BadParameter(error.errors()[0]["msg"]) from None


def _name(callback: Callable[..., Any] | None) -> str:
    return callback.__name__ if callback is not None else ""


# What the person chose


def _prepare(arguments: Sequence[str]) -> None:
    """Take the folders of the settings; and let a newer version go on, if an update brought one."""
    if Places.of_user().settings.exists():
        from bridge_server.desktop.settings import move_folders

        move_folders(os.environ)
    places = Places.of_user()
    if frozen() and places.current_version.exists() and list(arguments) != [SETUP_STEP]:  # that is this service's own
        from bridge_server.desktop.versions import hand_over

        hand_over(places, version("videoshop-bridge"), arguments)


def _chosen(places: Places) -> Sequence[str]:
    """The origins of the settings; and what starts with the session is made as they say."""
    if not places.settings.exists() and not places.made.exists():  # nothing more is loaded into an idle service
        return ()
    from bridge_server.desktop import autostart, settings

    chosen = settings.load(places, _note)
    try:
        autostart.reconcile(places, chosen.start_at_login)
    except OSError as error:
        _note(f"What starts at login could not be brought in line with the settings: {error.strerror}.")
    return chosen.origins


# What the person sees


def _note(trouble: str) -> None:
    say(f"[yellow]Note:[/] {plain(trouble)}")


def _to_the_end(work: Any) -> Any:
    """Run a coroutine; Ctrl-C and SIGTERM cancel it, and it ends what it started."""

    async def running() -> Any:
        task = asyncio.ensure_future(work)
        loop = asyncio.get_running_loop()
        if sys.platform != "win32":
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, task.cancel)
        return await task

    return asyncio.run(running())


async def _its_jobs(places: Places) -> str:
    """What the service that runs says of its jobs."""
    from bridge_server.client import Client

    try:
        async with asyncio.timeout(ANSWER_SECONDS), await Client.connect(places) as client:
            states = [job.state for job in await client.jobs()]
    except (BridgeError, TimeoutError) as error:
        why = error.message if isinstance(error, BridgeError) else f"it said nothing for {ANSWER_SECONDS:.0f} s."
        return f"It does not answer: {why}\nRun `videoshop doctor`: it names what is wrong."
    return f"Jobs: {states.count('running')} running, {states.count('queued')} waiting."


if __name__ == "__main__":
    main()
