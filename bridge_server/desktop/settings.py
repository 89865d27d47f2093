"""What the person chose: a file in the configuration folder that wins over what the system has been told before."""

import contextlib
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from bridge_server.desktop.made import write_whole
from bridge_server.desktop.paths import DATA, Places, private_folder
from bridge_server.errors import ServiceError
from engine.lock import hold

WEIGHTS = "VIDEOSHOP_WEIGHTS"
"""Environment variable that names the folder of the models."""
CHOSEN = "VIDEOSHOP_CHOSEN"
"""Environment variable that names those that the settings have set: what the settings say later counts again."""

Say = Callable[[str], None]


def _origin(text: str) -> str:
    """An origin as browsers write it: compared character for character, so that a path or a star would never match."""
    scheme, separator, host = text.partition("://")
    if text == "file://":
        return text
    if not separator or scheme not in ("http", "https") or not host or set(host) & set("/*?#@ \\"):
        raise ValueError("no origin")
    return text


def _absolute(path: Path) -> Path:
    if not path.is_absolute():
        raise ValueError("no full path")
    return path


Origin = Annotated[str, AfterValidator(_origin)]
Folder = Annotated[Path, AfterValidator(_absolute)]


class Settings(BaseModel):
    """Each field is a setting. What a newer version wrote is kept."""

    model_config = ConfigDict(frozen=True, extra="allow", defer_build=True)

    start_at_login: Annotated[bool, Field(description="Start with the system: `on` or `off`.")] = False
    check_for_updates: Annotated[bool, Field(description="Look once a day for a new version: `on` or `off`.")] = True
    origins: Annotated[
        tuple[Origin, ...],
        Field(
            description="Pages of others that may connect, with commas between them: `file://` is After Effects' "
            "panel. Each still has to know the pairing token."
        ),
    ] = ()
    weights: Annotated[
        Folder | None, Field(description=f"Folder of the models; the variable {WEIGHTS} is stronger.")
    ] = None
    data: Annotated[
        Folder | None, Field(description=f"Folder of jobs, results and logs; the variable {DATA} is stronger.")
    ] = None


NAMES = tuple(Settings.model_fields)


def load(places: Places, say: Say = lambda trouble: None) -> Settings:
    """The settings; where the file is damaged it is set aside, what of it can be read counts, and `say` hears of it."""
    file = places.settings
    try:
        told: Any = json.loads(file.read_text("utf-8"))
    except FileNotFoundError:
        return Settings()
    except OSError as error:
        say(f"The settings cannot be read ({error.strerror}): the defaults count.")
        return Settings()
    except ValueError:
        told = None
    if not isinstance(told, dict):
        aside = _set_aside(file)
        say(f"The settings were damaged and are now in {aside}: the defaults count.")
        return Settings()
    try:
        return Settings.model_validate(told)
    except ValidationError as error:
        wrong = sorted({str(fault["loc"][0]) for fault in error.errors()})
    aside = _set_aside(file, copy=True)
    settings = Settings.model_validate({name: value for name, value in told.items() if name not in wrong})
    with contextlib.suppress(OSError):  # then it is said again at the next start
        _write(file, settings)
    say(f"Damaged settings were dropped ({', '.join(wrong)}); the file as it was is now {aside}.")
    return settings


def change(places: Places, say: Say = lambda trouble: None, **values: Any) -> Settings:
    """Set some settings, keep the others. Raises ValidationError or ServiceError."""
    with _alone(places):
        kept = load(places, say).model_dump(exclude_unset=True)
        settings = Settings.model_validate({**kept, **values})
        _write(places.settings, settings)
    return settings


def reset(places: Places, name: str, say: Say = lambda trouble: None) -> Settings:
    """Let a setting be its default again."""
    with _alone(places):
        kept = load(places, say).model_dump(exclude_unset=True)
        kept.pop(name, None)
        settings = Settings.model_validate(kept)
        _write(places.settings, settings)
    return settings


def move_folders(environment: MutableMapping[str, str]) -> None:
    """Have the folders that the person chose taken by this process and those that it starts."""
    settings, ours = load(Places.of_user()), chosen(environment)
    for variable, folder in ((WEIGHTS, settings.weights), (DATA, settings.data)):
        if environment.get(variable) and variable not in ours:  # the person's own word
            continue
        if folder is not None:
            environment[variable] = str(folder)
            ours |= {variable}
        elif variable in ours:
            del environment[variable]
            ours -= {variable}
    if ours or CHOSEN in environment:
        environment[CHOSEN] = ",".join(sorted(ours))


def chosen(environment: Mapping[str, str]) -> frozenset[str]:
    """The variables that the settings have set."""
    return frozenset(filter(None, environment.get(CHOSEN, "").split(",")))


def _write(file: Path, settings: Settings) -> None:
    told = settings.model_dump(mode="json", exclude_unset=True)
    write_whole(file, json.dumps(told, ensure_ascii=False, indent=2) + "\n")


def _set_aside(file: Path, *, copy: bool = False) -> Path:
    aside = file.with_name("settings.damaged.json")
    with contextlib.suppress(OSError):
        if copy:
            shutil.copyfile(file, aside)
            aside.chmod(0o600)
        else:
            file.replace(aside)
    return aside


@contextlib.contextmanager
def _alone(places: Places) -> Iterator[None]:
    """Tray and command line may both change a setting: one after the other."""
    lock = places.config / "settings.lock"
    try:
        private_folder(lock.parent)
        with open(lock, "a+b", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
            hold(file, wait=True)
            yield
    except OSError as error:
        raise ServiceError.config_unusable(lock.parent, error.strerror or "the disk refused") from None
