import json
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest
from pydantic import BaseModel, ValidationError

from engine.errors import Cancelled, SettingsError
from engine.evaluate.perform import _MODULES, EXPERIMENTS, perform
from engine.request import Event


def silent(event: Event) -> None: ...


def test_what_is_asked_is_measured_and_written(case: Callable[..., Path], tmp_path: Path) -> None:
    folder = case("label")
    page = perform("dataset", {"folder": str(folder.parent)}, tmp_path, silent)
    assert page == tmp_path / "report.html"
    assert json.loads((tmp_path / "report.json").read_text())["title"] == "The edits of edits"
    assert (tmp_path / "cases" / "label" / "flow" / "flat.mkv").is_file()


def test_results_take_the_place_of_earlier_ones_and_what_else_is_there_stays(
    case: Callable[..., Path], tmp_path: Path
) -> None:
    edits = case("label").parent
    perform("dataset", {"folder": str(edits)}, tmp_path, silent)
    flow = tmp_path / "cases" / "label" / "flow"
    (flow / "mine.txt").write_text("mine")
    (flow / "flat.mkv").write_bytes(b"old")
    perform("dataset", {"folder": str(edits)}, tmp_path, silent)
    assert (flow / "flat.mkv").stat().st_size > 3
    assert sorted(path.name for path in flow.iterdir()) == [
        *("contact_sheet.png", "flat", "flat.mkv", "layer", "mine.txt", "report.json"),
    ]


def test_a_stop_leaves_nothing_of_what_was_carried_before_it(case: Callable[..., Path], tmp_path: Path) -> None:
    def stop(event: Event) -> None:
        if event.message == "second, flow":
            raise Cancelled.asked()

    case("first")
    edits = case("second").parent
    with pytest.raises(Cancelled):
        perform("dataset", {"folder": str(edits)}, tmp_path / "new" / "out", stop)
    assert [path.name for path in tmp_path.iterdir()] == ["edits"]


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
        perform("dataset", {"folder": "x", "more": 1}, out, silent)
    monkeypatch.setattr("engine.evaluate.perform.find_spec", lambda name: None)
    for name in EXPERIMENTS:
        with pytest.raises(SettingsError) as caught:
            perform(name, {}, out, silent)
        assert caught.value.code == "settings.method_unavailable"
    assert not out.exists()
