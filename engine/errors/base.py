"""What every error of the engine has, and the one that is none."""

from typing import Self


class EngineError(Exception):
    """Base of everything the engine refuses or fails at.

    `code` is stable and for programs, `message` says in one line what is wrong, `hint` in one line what to do.

    EngineError
    ├── ClipError          the source cannot be read as frames
    ├── EditError          the edited frame or mask does not fit the clip
    ├── SettingsError      a setting is unknown or out of range
    ├── OutputError        the result cannot be written where it was asked for
    ├── WeightsError       model files missing, truncated or of another model
    ├── ResourceError      memory or disk ran out
    └── Cancelled          asked to stop
    """

    def __init__(self, code: str, message: str, hint: str) -> None:
        super().__init__(message)
        self.code, self.message, self.hint = code, message, hint

    @classmethod
    def internal(cls, ref: str) -> Self:
        """A fault of ours; `ref` finds its lines in the log."""
        return cls(
            "internal",
            f"The engine failed in a way it does not know (ref {ref}).",
            "Please report it, with the lines of the log that have this ref.",
        )


class Cancelled(EngineError):  # noqa: N818 (nothing went wrong)
    """The person asked to stop; raised out of the progress callback."""

    @classmethod
    def asked(cls) -> Self:
        return cls("cancelled", "The job was cancelled.", "Start it again when you like; nothing was changed.")
