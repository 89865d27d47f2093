"""Memory or disk ran out."""

from pathlib import Path
from typing import Self

from engine.errors.base import EngineError
from engine.errors.words import megabytes


class ResourceError(EngineError):
    """Memory or disk ran out."""

    @classmethod
    def memory_full(cls) -> Self:
        return cls(
            "resource.memory_full",
            "There is not enough memory for frames of this size.",
            "Close other programs, or choose fewer formats.",
        )

    @classmethod
    def device_busy(cls, device: str, needed: int, free: int) -> Self:
        """`needed` at the least and `free`, in bytes, of a device large enough were it not for other programs."""
        return cls(
            "resource.device_busy",
            f"Other programs leave {megabytes(max(free, 0))} of memory on {device}; the model needs "
            f"{megabytes(needed)} for frames of this size.",
            "Close programs that use much memory there, or use the method flow.",
        )

    @classmethod
    def device_full(cls, tried: str) -> Self:
        """`tried` tells the lightest plan, which ran out of memory too."""
        return cls(
            "resource.device_full",
            f"The model ran out of memory in its lightest form too ({tried}).",
            "Close other programs, give a shorter range, or use the method flow.",
        )

    @classmethod
    def memory_too_small(cls, needed: int, total: int) -> Self:
        """`needed` at the least and `total`, in bytes, of the machine's own memory."""
        return cls(
            "resource.memory_too_small",
            f"The model needs {megabytes(needed)} of memory for frames of this size; this machine has "
            f"{megabytes(total)}, and no graphics card with enough.",
            "Give a shorter range, or use the method flow, which needs little memory.",
        )

    @classmethod
    def disk_full(cls, path: Path, needed: int | None = None, free: int | None = None) -> Self:
        """`needed` and `free` in bytes; None when the disk filled up while writing."""
        room = f": about {megabytes(needed)} are needed" if needed is not None else ""
        left = f" and {megabytes(free)} are free" if free is not None else ""
        return cls(
            "resource.disk_full",
            f"There is not enough room on the disk of {path.name}{room}{left}.",
            "Free some space, choose fewer formats or a shorter range, or another output folder.",
        )

    @classmethod
    def no_room_for_weights(cls, folder: Path, needed: int | None = None, free: int | None = None) -> Self:
        """`needed` and `free` in bytes; None when the disk filled up while writing."""
        return cls(
            "resource.disk_full",
            cls.disk_full(folder, needed, free).message,
            "Free some space, or keep the weights on another disk: --to FOLDER, or VIDEOSHOP_WEIGHTS.",
        )
