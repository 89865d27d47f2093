"""Everything the engine refuses or fails at, in one tree: `EngineError` shows it."""

from engine.errors.base import Cancelled, EngineError
from engine.errors.clip import ClipError
from engine.errors.edit import EditError
from engine.errors.output import OutputError
from engine.errors.resource import ResourceError
from engine.errors.settings import SettingsError
from engine.errors.weights import WeightsError

__all__ = [
    "Cancelled",
    "ClipError",
    "EditError",
    "EngineError",
    "OutputError",
    "ResourceError",
    "SettingsError",
    "WeightsError",
]
