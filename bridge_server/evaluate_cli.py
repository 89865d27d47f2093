"""`videoshop evaluate`: quality measured, and told in a report; the engine process does all of it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from bridge_server import words
from bridge_server.bars import STAGES, asked
from engine.request import KeyframeFiles

NAME = "evaluate"
METHODS = ("flow", "videoshop", "both")
BARS = {**STAGES, "plan": "Cases", "probe": "Measuring"}

app = typer.Typer(
    name=NAME,
    help="Measure how well edits are carried, and write a report with numbers, charts and pictures.\n\n"
    "**videoshop evaluate** alone measures the built-in set of edits, and on the video model, where it is installed, "
    "what the paper claims. The report is one page, OUTPUT/report.html; beside it lie report.json, tables.md and every "
    "chart, picture and film as a file. The charts need matplotlib: `pip install 'videoshop-bridge[evaluate]'`.",
    rich_markup_mode="markdown",
    invoke_without_command=True,
)

OutputOption = Annotated[Path, typer.Option("--output", "-o", help="Folder for the report.")]
ModelOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR", help="Folder of the video model's weights; else the installed ones.", show_default=False
    ),
]
SeedOption = Annotated[int, typer.Option(help="Seed of what is drawn by chance.")]
CasesOption = Annotated[int, typer.Option(min=1, help="How many clips each experiment on the model takes.")]
DatasetOption = Annotated[
    Path | None,
    typer.Option(metavar="DIR", help="On these clips, a dataset's; else on the built-in set.", show_default=False),
]
DEFAULT_OUTPUT = Path("videoshop-evaluation")

EXPERIMENTS = {
    "linearity": "Is the way from clip to noise a straight line? Cosines of its steps, error of the straight line.",
    "threshold": "From which noise level on should inversion extrapolate? What comes back, and what it costs.",
    "ablation": "What is each of the paper's steps worth? Each left out in turn, other proxies, other guidance.",
    "generalization": "Where does it hold? Fast motion, busy backgrounds, other sizes, flickering light.",
}
"""Tried on a video model; the engine has each under its name."""


@app.callback(epilog="**Example**\n\n`videoshop evaluate -o report --model models/svd`")
def evaluate(
    context: typer.Context,
    output: OutputOption = DEFAULT_OUTPUT,
    model: ModelOption = None,
    dataset: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Try the model on these clips, not the built-in set's.", show_default=False),
    ] = None,
    cases: CasesOption = 3,
    seed: SeedOption = 0,
) -> None:
    if context.invoked_subcommand is None:
        _perform(
            "run",
            output,
            footage=_footage(),
            model=_full(model),
            dataset=_full(dataset),
            cases=cases,
            seed=seed,
        )


def _experiment(name: str, says: str) -> None:
    @app.command(name, help=says, epilog=f"**Example**\n\n`videoshop evaluate {name} --model models/svd -o {name}`")
    def experiment(
        output: OutputOption = DEFAULT_OUTPUT,
        model: ModelOption = None,
        dataset: DatasetOption = None,
        cases: CasesOption = 3,
        seed: SeedOption = 0,
    ) -> None:
        chosen = {"dataset": _full(dataset)} if dataset else {"footage": _footage()}
        _perform(name, output, model=_full(model), cases=cases, seed=seed, **chosen)


for _name, _says in EXPERIMENTS.items():
    _experiment(_name, _says)


@app.command(
    epilog="**Examples**\n\n`videoshop evaluate compare first second --clip shot.mov`\n\nTwo results of one edit.\n\n"
    "`videoshop evaluate compare flow videoshop --clip shot.mov --edited frame.png --frame 12`\n\nBoth methods."
)
def compare(
    a: Annotated[str, typer.Argument(help="A clip, a folder of results, or a method.", show_default=False)],
    b: Annotated[str, typer.Argument(help="Another one.", show_default=False)],
    output: OutputOption = DEFAULT_OUTPUT,
    clip: Annotated[Path | None, typer.Option(help="The source.", show_default=False)] = None,
    edited: Annotated[
        list[Path] | None, typer.Option(help="The edited frame that methods carry. Repeat for several.")
    ] = None,
    frame: Annotated[list[int] | None, typer.Option(min=0, help="Its index. One for each --edited.")] = None,
    mask: Annotated[list[Path] | None, typer.Option(help="Its mask. One for each --edited.")] = None,
    model: ModelOption = None,
    seed: SeedOption = 0,
) -> None:
    """Two results, or two methods on the same edit, beside each other: a table, and a film side by side."""
    images = edited or []
    keyframes = [
        KeyframeFiles(edited=image.absolute(), frame=index, mask=matte.absolute() if matte else None).model_dump(
            mode="json"
        )
        for image, index, matte in zip(
            images, words.each("--frame", frame, images), words.each("--mask", mask, images), strict=True
        )
    ]
    sides = {side: str(Path(name).absolute()) if Path(name).exists() else name for side, name in (("a", a), ("b", b))}
    _perform(
        "compare",
        output,
        **sides,
        clip=_full(clip),
        keyframes=keyframes,
        model=_full(model),
        seed=seed,
    )


@app.command(epilog="**Example**\n\n`videoshop evaluate dataset edits --method both --model models/svd -o report`")
def dataset(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="One folder for each case.", show_default=False)],
    output: OutputOption = DEFAULT_OUTPUT,
    method: Annotated[str, typer.Option(help=f"How: {', '.join(METHODS)}.")] = "flow",
    model: ModelOption = None,
    seed: SeedOption = 0,
) -> None:
    """Carry every edit of a dataset, and measure the results.

    A case is a folder with source.mp4 (or another clip, or a folder source of pictures) and edited.png; optionally
    mask.png, truth.mp4 (what a perfect result looks like), and case.json with a frame, a kind and a note. Several
    edited frames tell theirs in their names: edited.frame000012.png, mask.frame000012.png.
    """
    _perform(
        "dataset",
        output,
        folder=_full(folder),
        method=words.one_of("--method", method, METHODS),
        model=_full(model),
        seed=seed,
    )


def _perform(what: str, into: Path, **options: Any) -> None:
    """Have the engine measure, and print where the report's page is. Raises WorkerError."""
    told = asked("evaluate", {"what": what, "options": options, "output": str(into.absolute())}, BARS)
    print(told["page"])


def _full(path: Path | None) -> str | None:
    return str(path.absolute()) if path else None


def _footage() -> str:
    """The folder of the bundled clips."""
    return str(Path(__file__).parent / "demo")
