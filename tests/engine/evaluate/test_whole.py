"""The whole report: what flow is worth beside plain warping, and what could not be measured."""

from pathlib import Path

import pytest

from bridge_server.demo.run import ASSETS
from engine.errors import SettingsError
from engine.evaluate import whole
from engine.evaluate.document import Film, Picture, Table
from engine.evaluate.suite import cases
from engine.evaluate.whole import Options, verdict
from engine.request import Event


def silent(event: Event) -> None:
    pass


def unavailable() -> None:
    raise SettingsError.method_unavailable("videoshop", ["flow"])


def test_without_a_model_the_report_tells_of_flow_and_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cases, "NAMES", ("real-cup",))
    monkeypatch.setattr(whole, "needs_model", unavailable)
    first, of_case, last = whole.run(Options(output=tmp_path, footage=ASSETS), silent).sections
    beside, _ = (item for item in first.items if isinstance(item, Table))
    (row,) = (dict(zip(beside.columns, row, strict=True)) for row in beside.rows)
    flow, chained = row["flow, inside"], row["chained warping, inside"]
    assert isinstance(flow, float)
    assert isinstance(chained, float)
    assert flow > chained > 20
    assert "leads" in str(row["verdict"])
    assert [type(item) for item in of_case.items] == [Picture, Film]
    assert not list(tmp_path.rglob("contact_sheet.png"))
    assert "not measured" in last.title.lower()


def test_a_model_that_was_named_and_cannot_be_tried_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "needs_model", unavailable)
    monkeypatch.setattr(whole, "_set", lambda *_: iter(()))
    monkeypatch.setattr(whole, "build", lambda *_, **__: None)
    with pytest.raises(SettingsError):
        whole.run(Options(output=tmp_path, footage=ASSETS, model=tmp_path), silent)


def test_the_verdict_does_not_hide_a_loss() -> None:
    assert verdict("inside", {"flow": 30.0, "a": 28.0, "b": 29.0}) == "inside: leads b by 1.0 dB"
    assert verdict("whole", {"flow": 30.0, "a": 31.5}) == "whole: LOSES to a by 1.5 dB"
    assert verdict("whole", {"flow": 30.0, "a": 30.01}) == "whole: level with a"
