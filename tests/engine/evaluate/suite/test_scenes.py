"""The scenes' truth is exact: where nothing is edited it is the clip, and the edited frame is one of it."""

from typing import get_args

import numpy as np
import pytest

from bridge_server.demo.run import ASSETS
from engine.evaluate.suite import scenes
from engine.evaluate.suite.scenes import Edit, Scene, render
from engine.image import dilated, square


@pytest.fixture(scope="module", params=get_args(Edit))
def scene(request: pytest.FixtureRequest) -> Scene:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scenes, "FRAMES", 3)
        return render(request.param, ASSETS, scenes.zoom_rotation, request.param, shrink=6)


def test_the_truth_is_the_clip_wherever_the_edit_is_not(scene: Scene) -> None:
    for frame, truth, matte in zip(scene.frames, scene.truth, scene.matte, strict=True):
        outside = dilated(matte, square(3)) == 0  # a cubic look-up reaches a pixel further than the matte's
        assert np.array_equal(frame[outside], truth[outside])
        assert np.abs(frame - truth)[matte > 0.9].mean() > 0.02


def test_the_edit_moves_with_the_texture(scene: Scene) -> None:
    if scene.name == "colour":
        assert all(matte.min() == 1 for matte in scene.matte)
    else:
        assert not np.array_equal(scene.matte[0], scene.matte[-1])
        assert 0 < np.mean([matte.mean() for matte in scene.matte]) < 0.4


def test_an_occluder_hides_the_edit_in_clip_and_truth_alike() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scenes, "FRAMES", 12)
        made = render("occluded", ASSETS, scenes.pan, occluded=True, shrink=6)
    hidden = (made.occluder[11] == 1) & (made.unoccluded[11] > 0.5)
    assert hidden.sum() > 50
    assert np.array_equal(made.frames[11][hidden], made.truth[11][hidden])
    assert made.matte[11][hidden].max() == 0


def test_light_that_changes_is_the_same_in_clip_and_truth() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scenes, "FRAMES", 3)
        made = render("flicker", ASSETS, scenes.pan, "appearance", light=scenes.flickering, shrink=6)
    outside = dilated(made.matte[2], square(3)) == 0
    assert np.array_equal(made.frames[2][outside], made.truth[2][outside])
    assert abs(made.frames[2].mean() / made.frames[0].mean() - 1) > 0.01
