"""A setting is unknown or out of range."""

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from engine.errors.base import EngineError
from engine.errors.words import perhaps


class SettingsError(EngineError):
    """A setting, or what else was asked for, is unknown or out of range."""

    @classmethod
    def unknown_command(cls, name: object) -> Self:
        return cls("engine.unknown_command", f"The engine has no command “{name}”.", "Update the engine.")

    @classmethod
    def malformed(cls, where: str, why: str) -> Self:
        return cls("request.invalid", f"{where}: {why}.", "See `videoshop propagate --help`.")

    @classmethod
    def unknown(cls, key: str, allowed: Sequence[str]) -> Self:
        return cls(
            "settings.unknown",
            f"There is no setting {key}.",
            f"{perhaps(key, allowed)}The settings are: {', '.join(allowed)}.",
        )

    @classmethod
    def value_refused(cls, key: str, value: str, allowed: Sequence[str]) -> Self:
        return cls(
            "settings.value_refused",
            f"The setting {key} cannot be {value}.",
            f"{perhaps(value, allowed)}It takes: {', '.join(allowed)}.",
        )

    @classmethod
    def range_outside(cls, start: int, stop: int, frames: int) -> Self:
        return cls(
            "settings.range_outside",
            f"The range {start}:{stop} is not a range of this clip's {frames} frames.",
            f"Give a range within 0:{frames} that holds a frame; its end is not included.",
        )

    @classmethod
    def method_unavailable(cls, method: str, available: Sequence[str]) -> Self:
        return cls(
            "settings.method_unavailable",
            f"The method {method} is not part of this installation.",
            f"Run `videoshop engine install`, or use one of: {', '.join(available)}.",
        )

    @classmethod
    def extra_missing(cls, package: str, extra: str) -> Self:
        return cls(
            "settings.extra_missing",
            f"{package} is not part of this installation.",
            f'Run `pip install "videoshop-bridge[{extra}]"` in the engine\'s environment.',
        )

    @classmethod
    def unknown_evaluation(cls, name: str, known: Sequence[str]) -> Self:
        return cls(
            "evaluate.unknown",
            f"There is nothing called {name} to evaluate.",
            f"{perhaps(name, known)}The known ones are: {', '.join(known)}.",
        )

    @classmethod
    def not_alike(cls, one: str, other: str) -> Self:
        """`one` and `other` tell the frames and the size of two clips."""
        return cls(
            "compare.not_alike",
            f"The clips are not alike: {one}; {other}.",
            "Compare results of the same clip and range.",
        )

    @classmethod
    def no_result(cls, name: str) -> Self:
        return cls(
            "compare.no_result",
            f"There is no clip, no result and no method called {name}.",
            "Give a clip, the folder that `videoshop propagate --output` wrote, or a method: flow or videoshop.",
        )

    @classmethod
    def edit_needed(cls, method: str) -> Self:
        return cls(
            "compare.edit_needed",
            f"To compare the method {method} it has to be known what it is to carry.",
            "Give --clip and --edited, with --frame if it is not to be found.",
        )

    @classmethod
    def footage_needed(cls) -> Self:
        return cls(
            "settings.footage_needed",
            "The built-in set is made from clips that are not here.",
            "Give a dataset, or the folder of the demo's clips.",
        )

    @classmethod
    def dataset_missing(cls, folder: Path) -> Self:
        return cls(
            "dataset.missing",
            f"There is no folder {folder.name}.",
            "Give the folder that holds one folder for each case.",
        )

    @classmethod
    def dataset_empty(cls, folder: Path) -> Self:
        return cls(
            "dataset.empty",
            f"The folder {folder.name} holds no folder of a case.",
            "Each case is a folder of its own, with source.mp4 and edited.png.",
        )

    @classmethod
    def dataset_faulty(cls, folder: Path, faults: Sequence[str]) -> Self:
        """`faults` tell, one for each case, what is wrong in it."""
        return cls(
            "dataset.faulty",
            f"In {folder.name}, {len(faults)} {'case is' if len(faults) == 1 else 'cases are'} not as it should be: "
            f"{'; '.join(faults)}.",
            "A case is a folder with source.mp4, edited.png and, if you like, mask.png, truth.mp4, case.json.",
        )

    @classmethod
    def number_refused(cls, key: str, value: str, wanted: str) -> Self:
        return cls(
            "settings.value_refused",
            f"The setting {key} cannot be {value}.",
            f"It takes {wanted}.",
        )

    @classmethod
    def weights_unused(cls, method: str) -> Self:
        return cls(
            "settings.weights_unused",
            f"The method {method} works without weights, but a folder of weights was given.",
            "Leave the weights out, or choose the method that they are for.",
        )
