"""The built-in set, as a dataset: `flow` is held to bars on a few of its cases."""

import json
from pathlib import Path

import numpy as np
import pytest

from bridge_server.demo.run import ASSETS
from engine.evaluate import cases as carrying
from engine.evaluate.cases import Outcome, carried, mean
from engine.evaluate.dataset import Case, cases
from engine.evaluate.peers import PEERS
from engine.evaluate.suite.build import build
from engine.evaluate.suite.cases import CUT, NAMES
from engine.media.clip import Clip
from engine.request import Event

BARS = {"add-cut": 33.5, "appearance-flicker": 45.0, "remove-zoom": 28.0}
"""PSNR inside the edit, dB, that flow has to reach; it had 35.0, 48.1 and 29.7."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("set")
    build(made, ASSETS, (*BARS, "real-box"))
    return made


@pytest.fixture(scope="module")
def found(folder: Path) -> dict[str, Case]:
    return {case.name: case for case in cases(folder)}


def silent(event: Event) -> None:
    pass


def inside(outcome: Outcome) -> float:
    assert outcome.figures is not None
    assert outcome.figures.truth is not None
    return mean(outcome.figures.truth.inside)


def test_the_set_has_every_kind_of_edit_and_what_is_hard() -> None:
    kinds = {name.split("-")[0] for name in NAMES}
    assert kinds == {"add", "remove", "replace", "appearance", "motion", "colour", "real"}
    hard = {"add-occluded", "add-fast", "add-cut", "add-shake", "add-keyframes", "appearance-flicker"}
    assert hard < set(NAMES)


def test_a_case_is_small_and_says_what_it_is(folder: Path, found: dict[str, Case]) -> None:
    for name, case in found.items():
        with Clip.open(case.source) as clip:
            assert clip.info.size.width <= 320
            assert 24 <= clip.info.frames <= 48
        assert json.loads((folder / name / "case.json").read_text("utf-8"))["note"]
    assert found["real-box"].truth is None
    assert found["real-box"].keyframes[0].mask is not None


def test_beyond_a_cut_the_truth_is_the_clip(found: dict[str, Case]) -> None:
    case = found["add-cut"]
    assert case.truth is not None
    with Clip.open(case.source) as clip, Clip.open(case.truth) as truth:
        assert not np.array_equal(clip.frame(CUT - 1).planes[0], truth.frame(CUT - 1).planes[0])
        assert np.array_equal(clip.frame(CUT).planes[0], truth.frame(CUT).planes[0])


@pytest.mark.parametrize("name", BARS)
def test_flow_meets_its_bar_and_leads_plain_warping(name: str, found: dict[str, Case], tmp_path: Path) -> None:
    asked = carrying.Options(folder=tmp_path, output=tmp_path)
    flow = carried(found[name], "flow", asked, silent)
    assert inside(flow) >= BARS[name]
    assert flow.figures is not None
    assert flow.figures.outside == 0
    for peer in ("chained warping", "direct warping"):
        other = carried(found[name], peer, asked, silent, PEERS[peer])
        assert inside(flow) > inside(other)
