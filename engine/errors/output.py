"""The result cannot be written where it was asked for."""

from pathlib import Path
from typing import Self

from engine.errors.base import EngineError


class OutputError(EngineError):
    """The result cannot be written where it was asked for."""

    @classmethod
    def pixels_unsupported(cls, path: Path, pixel_format: str) -> Self:
        return cls(
            "output.pixels_unsupported",
            f"{path.name} cannot hold pixels of format {pixel_format} without loss.",
            "Ask for png instead.",
        )

    @classmethod
    def not_writable(cls, path: Path) -> Self:
        return cls(
            "output.not_writable",
            f"The folder {path.name} cannot be written to.",
            "Choose another output folder, or allow writing to this one.",
        )

    @classmethod
    def not_a_folder(cls, path: Path) -> Self:
        return cls(
            "output.not_a_folder",
            f"{path.name} is a file, not a folder.",
            "Give a folder for the results; it is made when it does not exist.",
        )

    @classmethod
    def in_use(cls, path: Path) -> Self:
        return cls(
            "output.in_use",
            f"Another job is writing into the folder {path.name}.",
            "Wait for it to end, or choose another output folder.",
        )
