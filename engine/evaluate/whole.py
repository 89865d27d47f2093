"""The whole proof in one document: both methods on the built-in set of edits, and every experiment on the model."""

from importlib import import_module
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from engine.errors import SettingsError, WeightsError
from engine.evaluate import cases
from engine.evaluate.document import Document, Section
from engine.evaluate.perform import EXPERIMENTS, needs_model
from engine.evaluate.suite.build import build
from engine.media.safe import replace_folder
from engine.request import Event, OnEvent

SET = "set"
TITLE = "Videoshop Bridge, measured"


class Options(BaseModel):
    """What `evaluate` alone is asked: `model` are the weights' folder (None: those installed), `cases` how many of the
    set each experiment takes, `footage` the folder of the bundled clips, `output` takes the set and the results."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    output: Path
    footage: Path
    model: Path | None = None
    cases: Annotated[int, Field(ge=1)] = 3
    seed: int = 0


def run(options: Options, on_progress: OnEvent) -> Document:
    """Build the set, carry each of its edits, run each experiment.

    Without a model, where none was named, the document says what was not measured. Raises EngineError.
    """
    folder = options.output / SET
    with replace_folder(folder) as temporary:
        build(temporary, options.footage, told=lambda name: on_progress(Event(stage="probe", done=0, total=1)))
    carried = cases.run(
        cases.Options(folder=folder, output=options.output, model=options.model, seed=options.seed), on_progress
    )
    sections = list(carried.sections)
    for name in EXPERIMENTS:
        try:
            needs_model()
            module = import_module(f"engine.evaluate.experiments.{name}")
            asked = {"model": options.model, "dataset": folder, "cases": options.cases, "seed": options.seed}
            sections += module.run(module.Options.model_validate(asked), on_progress).sections
        except (SettingsError, WeightsError) as error:
            if options.model is not None:
                raise
            sections.append(Section("Not measured", f"The video model: {error.message} {error.hint}"))
            break
    return Document(TITLE, carried.facts, tuple(sections))
