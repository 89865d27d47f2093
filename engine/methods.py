"""The methods of this installation, by name, made from a request's settings."""

from collections.abc import Mapping
from typing import TypeVar, get_args

from pydantic import BaseModel

from engine.errors import SettingsError
from engine.method import Method
from engine.request import FlowSettings, Request

Settings = TypeVar("Settings", bound=BaseModel)


def chosen(request: Request) -> Method:
    """The method that `request` names. Raises SettingsError for its settings, or when it is not installed."""
    if request.method == "flow":
        settings = parsed(request.settings, FlowSettings)
        if request.weights is not None:
            raise SettingsError.weights_unused(request.method)
        from engine.flow.method import FlowMethod  # only the method that runs is loaded

        return FlowMethod(settings)
    raise SettingsError.method_unavailable(request.method, ["flow"])


def parsed(strings: Mapping[str, str], model: type[Settings]) -> Settings:
    """Settings from `key=value` strings; every field takes one of a few words. Raises SettingsError."""
    for key, value in strings.items():
        if key not in model.model_fields:
            raise SettingsError.unknown(key, list(model.model_fields))
        allowed = get_args(model.model_fields[key].annotation)
        if value not in allowed:
            raise SettingsError.value_refused(key, value, allowed)
    return model.model_validate(dict(strings))
