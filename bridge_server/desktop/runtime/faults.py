"""What installing, checking, moving and removing the engine's environment refuse or fail at."""

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from bridge_server.desktop.frozen import again
from bridge_server.errors import BridgeError

GB = 1e9


class RuntimeFault(BridgeError):  # noqa: N818  # a fault of the machine, the network or the files; RuntimeError is Python's
    """The engine's environment cannot be made, used, moved or removed."""

    @classmethod
    def busy(cls) -> Self:
        return cls(
            "engine.busy",
            "The engine's environment is being installed, repaired or moved already.",
            "Wait until that is done; `videoshop engine status` says how it stands.",
            retryable=True,
        )

    @classmethod
    def in_use(cls) -> Self:
        return cls(
            "engine.in_use",
            "A job runs in the engine's environment.",
            "Wait for it, or cancel it with `videoshop jobs cancel`; an idle engine ends after five minutes.",
            retryable=True,
        )

    @classmethod
    def not_installed(cls) -> Self:
        return cls(
            "engine.not_installed",
            "The engine's environment is not installed.",
            "Run `videoshop engine install`; the method flow works without it.",
        )

    @classmethod
    def unknown_backend(cls, name: str, here: Iterable[str]) -> Self:
        return cls(
            "engine.unknown_backend",
            f"There is no engine environment “{name}” for this system.",
            f"Use auto or one of: {', '.join(here)}.",
        )

    @classmethod
    def no_backend(cls, system: str) -> Self:
        return cls(
            "engine.no_backend",
            f"There is no build of torch for this system ({system}).",
            "The method flow works without it.",
        )

    @classmethod
    def not_locked(cls, names: Iterable[str]) -> Self:
        return cls(
            "engine.not_locked",
            f"No hash is known for {', '.join(names)}, so a folder of wheels cannot be checked.",
            "Leave out --wheels: from its own index over HTTPS it can be; or install the backend cpu.",
        )

    @classmethod
    def no_uv(cls) -> Self:
        return cls(
            "engine.no_uv",
            "The program uv, which installs the engine's environment, is missing.",
            f"{again('Run `pip install uv`')}.",
        )

    @classmethod
    def no_python(cls, wanted: str) -> Self:
        return cls(
            "engine.no_python",
            f"No Python {wanted} was found here, and none could be downloaded.",
            f"Install Python {wanted} (python.org, or your system's packages), then try again.",
        )

    @classmethod
    def disk_full(cls, folder: Path, needed: int, free: int) -> Self:
        """`needed` and `free` in bytes."""
        return cls(
            "engine.disk_full",
            f"The engine's environment needs about {needed / GB:.1f} GB, and its disk has {free / GB:.1f} GB free.",
            f"Free some space, or `videoshop engine move` it from {folder} to a larger disk.",
        )

    @classmethod
    def no_space_left(cls) -> Self:
        return cls("engine.disk_full", "The disk became full.", "Free some space, then run the same command again.")

    @classmethod
    def offline(cls, why: str) -> Self:
        return cls(
            "engine.offline",
            f"A package could not be downloaded: {why}.",
            "Run the same command again: what came stays. Behind a proxy, give --proxy; without a network, --wheels.",
            retryable=True,
        )

    @classmethod
    def wheel_missing(cls, why: str) -> Self:
        return cls(
            "engine.wheel_missing",
            f"A package is not to be had: {why}.",
            "Put every wheel that the lockfile names into the folder of --wheels; "
            "`videoshop engine status` says where the lockfile is.",
        )

    @classmethod
    def hash_differs(cls, why: str) -> Self:
        return cls(
            "engine.hash_differs",
            f"A package does not have the bytes that the lockfile names: {why}.",
            "It was changed on the way or in the mirror, and was not installed. Use another network or mirror.",
        )

    @classmethod
    def installer_failed(cls, why: str) -> Self:
        return cls(
            "engine.installer_failed",
            f"The environment could not be made: {why}.",
            "Run the same command again; if it fails again, please report it with this message.",
            retryable=True,
        )

    @classmethod
    def damaged(cls, files: int, first: str) -> Self:
        more = f" and {files - 1} more" if files > 1 else ""
        return cls(
            "engine.damaged",
            f"Files of the engine's environment are missing or damaged: {first}{more}.",
            "Run `videoshop engine repair`: it brings back what is wrong and keeps the rest.",
        )

    @classmethod
    def still_damaged(cls, first: str) -> Self:
        return cls(
            "engine.damaged",
            f"What was just installed cannot be read back as it should be: {first}.",
            "The disk may be failing: check it, or `videoshop engine move` the environment to another one.",
        )

    @classmethod
    def does_not_run(cls, why: str) -> Self:
        return cls(
            "engine.does_not_run",
            f"The new environment does not run the engine: {why}.",
            "What was there before stays. Try `videoshop engine install --backend cpu`, or update the card's driver.",
        )

    @classmethod
    def folder_unusable(cls, folder: Path, why: str) -> Self:
        return cls(
            "engine.folder_unusable", f"{folder} cannot be used: {why}.", "Name an empty folder that you may write."
        )

    @classmethod
    def code_missing(cls) -> Self:
        return cls(
            "engine.code_missing",
            "This installation has no copy of the engine to run in an environment.",
            "Install Videoshop Bridge again.",
        )
