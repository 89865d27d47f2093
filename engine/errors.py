"""Everything the engine refuses or fails at, in one tree."""

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


class ClipError(EngineError):
    """The source cannot be read as frames."""


class EditError(EngineError):
    """The edited frame or mask does not fit the clip."""


class SettingsError(EngineError):
    """A setting is unknown or out of range."""


class OutputError(EngineError):
    """The result cannot be written where it was asked for."""


class WeightsError(EngineError):
    """Model files are missing, truncated or of another model."""


class ResourceError(EngineError):
    """Memory or disk ran out."""


class Cancelled(EngineError):
    """The person asked to stop; raised out of the progress callback."""

    @classmethod
    def asked(cls) -> Self:
        return cls("cancelled", "The job was cancelled.", "Start it again when you like; nothing was changed.")
