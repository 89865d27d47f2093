"""What `videoshop evaluate` can be asked, by name: each measures, and its document is written."""

from collections.abc import Mapping
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from engine.errors import SettingsError
from engine.evaluate.figure import needs_matplotlib
from engine.evaluate.write import PAGE, written
from engine.request import OnEvent
from engine.staging import Staging

EXPERIMENTS = ("linearity", "threshold", "ablation", "generalization")
"""What is tried on a video model."""

MODEL_OPTION = "--model"
"""What names a folder of weights on the command line."""

KEPT = ("set/*", "cases/*/*/*")
"""What stays beside a report of what it was measured on: the built-in set's cases, and every file of every result."""

_MODULES = {name: f"engine.evaluate.experiments.{name}" for name in EXPERIMENTS} | {
    "run": "engine.evaluate.whole",
    "dataset": "engine.evaluate.cases",
    "compare": "engine.evaluate.compare",
}
"""Each has `Options`, a pydantic model, and `run(options, on_progress)`, which returns a Document."""


def perform(what: str, options: Mapping[str, Any], output: Path, on_progress: OnEvent) -> Path:
    """Measure `what` and write the report into `output`; the path of its page.

    Results that the report is of are kept beside it. All of it is put there at the end: until then `output` is as it
    was. Raises SettingsError for what is not known or not installed, and EngineError.
    """
    if what not in _MODULES:
        raise SettingsError.unknown_evaluation(what, list(_MODULES))
    needs_matplotlib()
    if what in EXPERIMENTS:
        needs_model()
    module = import_module(_MODULES[what])
    with Staging(output) as staging:
        if what not in EXPERIMENTS:
            options = {**options, "output": staging.folder}
        document = module.run(module.Options.model_validate(options), on_progress)
        kept = [path for pattern in KEPT for path in sorted(staging.folder.glob(pattern))]
        written(document, staging, [path.relative_to(staging.folder).as_posix() for path in kept])
    return output / PAGE


def needs_model() -> None:
    """Raises SettingsError where what runs a video model is not installed."""
    if find_spec("torch") is None or find_spec("diffusers") is None:
        raise SettingsError.method_unavailable("videoshop", ["flow"])


def needs_weights(model: Path | None) -> None:
    """Raises WeightsError where there are none at `model`, or (None) none are installed, and what needs_model does."""
    needs_model()
    from engine.videoshop.weights import locate

    locate(model, MODEL_OPTION)
