import json
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from engine.errors import SettingsError
from engine.evaluate.perform import _MODULES, EXPERIMENTS, perform
from engine.request import Event


def silent(event: Event) -> None: ...


def test_what_is_asked_is_measured_and_written(case: Callable[..., Path], tmp_path: Path) -> None:
    folder = case("label")
    page = perform("dataset", {"folder": str(folder.parent), "output": str(tmp_path)}, tmp_path, silent)
    assert page == tmp_path / "report.html"
    assert json.loads((tmp_path / "report.json").read_text())["title"] == "The edits of edits"
    assert (tmp_path / "cases" / "label" / "flow" / "flat.mkv").is_file()


@pytest.mark.parametrize("name", [name for name in _MODULES if find_spec(_MODULES[name])])
def test_each_has_options_and_a_way_to_run(name: str) -> None:
    module = import_module(_MODULES[name])
    assert issubclass(module.Options, BaseModel)
    assert callable(module.run)


def test_what_is_not_known_or_not_installed_is_said_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    with pytest.raises(SettingsError, match="nothing called linearty") as caught:
        perform("linearty", {}, out, silent)
    assert "Did you mean linearity?" in caught.value.hint
    with pytest.raises(ValidationError):
        perform("dataset", {"folder": "x", "output": "y", "more": 1}, out, silent)
    monkeypatch.setattr("engine.evaluate.perform.find_spec", lambda name: None)
    for name in EXPERIMENTS:
        with pytest.raises(SettingsError) as caught:
            perform(name, {}, out, silent)
        assert caught.value.code == "settings.method_unavailable"
    assert not out.exists()
