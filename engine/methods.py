"""The methods of this installation, by name, made from a request's settings."""

from collections.abc import Mapping
from importlib.util import find_spec
from typing import TypeVar, get_args

from platformdirs import user_cache_path
from pydantic import BaseModel, ValidationError

from engine.errors import SettingsError
from engine.method import Method
from engine.request import FlowSettings, Request, VideoshopSettings

Settings = TypeVar("Settings", bound=BaseModel)


def chosen(request: Request) -> Method:
    """The method that `request` names. Raises SettingsError for its settings, or when it is not installed."""
    if request.method == "flow":
        settings = parsed(request.settings, FlowSettings)
        if request.weights is not None:
            raise SettingsError.weights_unused(request.method)
        from engine.flow.method import FlowMethod  # only the method that runs is loaded

        return FlowMethod(settings)
    numbers = parsed(request.settings, VideoshopSettings)
    if find_spec("torch") is None or find_spec("diffusers") is None:
        raise SettingsError.method_unavailable(request.method, ["flow"])
    from engine.videoshop.method import VideoshopMethod

    cache = user_cache_path("videoshop-bridge", appauthor=False) / "trajectories"
    return VideoshopMethod(numbers, model=request.weights, seed=request.seed, cache=cache)


def parsed(strings: Mapping[str, str], model: type[Settings]) -> Settings:
    """Settings from `key=value` strings. Raises SettingsError that names the key and what it takes."""
    for key in strings:
        if key not in model.model_fields:
            raise SettingsError.unknown(key, list(model.model_fields))
    try:
        return model.model_validate(dict(strings))
    except ValidationError as error:
        key = str(error.errors()[0]["loc"][0])
        words = get_args(model.model_fields[key].annotation)
        if words and all(isinstance(word, str) for word in words):
            raise SettingsError.value_refused(key, strings[key], words) from error
        raise SettingsError.number_refused(key, strings[key], _wanted(model, key)) from error


def _wanted(model: type[BaseModel], key: str) -> str:
    """What a setting takes, in words, from its JSON Schema."""
    schema = model.model_json_schema()["properties"][key]
    if schema["type"] == "boolean":
        return "true or false"
    kind = "a whole number" if schema["type"] == "integer" else "a number"
    low = f"above {schema['exclusiveMinimum']}" if "exclusiveMinimum" in schema else f"from {schema['minimum']}"
    return f"{kind} {low} to {schema['maximum']}"
