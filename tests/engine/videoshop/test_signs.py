"""Every sign of failure is provoked, and none is seen in what has not failed."""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from engine.errors import WeightsError
from engine.evaluate.trial import naive
from engine.image import Image
from engine.request import VideoshopSettings
from engine.videoshop.inversion import invert
from engine.videoshop.pipeline import VideoshopPipeline
from engine.videoshop.schedule import Schedule
from engine.videoshop.signs import LEAST, LONG, colour_shift, of_inversion, of_pictures
from tests.benchmarks.inversion import Clip
from tests.engine.videoshop.jobs import made, request
from tests.world.edits import KINDS, Case, Kind, drawn_case
from tests.world.scene import Images

SEEDS = st.integers(0, 2**31)
SIGMA = 15.6
SHAPE = (4, 4, 12, 16)

few = settings(deadline=None, max_examples=15)


def white(seed: int, *shape: int) -> torch.Tensor:
    return torch.randn(shape or SHAPE, generator=torch.Generator().manual_seed(seed))


def edited(kind: Kind, seed: int = 0, frames: int = 8) -> Case:
    return drawn_case(seed, kind, frames, 192, 128)


def gains(frames: int, strength: float = 0.03) -> Images:
    """A light that has no memory."""
    factors = 1 + np.random.default_rng(0).normal(0, strength, frames)
    return factors.astype(np.float32)[:, None, None, None]


def behind(case: Case, background: Images) -> Images:
    """The edit as it should be, before a background of other frames."""
    matte = case.matte[..., None]
    return np.asarray(background * (1 - matte) + case.edited * matte, np.float32)


def shift(x: float) -> NDArray[np.float32]:
    return np.array([[1, 0, x], [0, 1, 0]], np.float32)


def numbered(clip: Images) -> list[torch.Tensor]:
    """As a model hands out pictures."""
    return [torch.from_numpy(picture).permute(2, 0, 1) for picture in clip]


@few
@given(SEEDS)
def test_white_noise_over_any_clip_is_of_the_right_size_and_knows_nothing(seed: int) -> None:
    x0 = white(seed) * 0.8 + 0.3
    found = of_inversion(x0, x0 + SIGMA * white(seed + 1), SIGMA)
    assert found.std == pytest.approx(1, abs=0.1)
    assert abs(found.likeness) < 0.15
    assert abs(found.steadiness) < 0.2
    assert found.warnings == ()


@few
@given(SEEDS, st.floats(0.1, 3.0))
def test_the_size_of_the_noise_is_measured_and_told_where_it_is_far_from_one(seed: int, size: float) -> None:
    x0, noise = white(seed), white(seed + 1)
    found = of_inversion(x0, x0 + SIGMA * size * noise, SIGMA)
    assert found.std == pytest.approx(size * float(noise.std()), rel=1e-3)
    assert any("too little noise" in line for line in found.warnings) == (found.std < 0.75)
    assert any("more noise" in line for line in found.warnings) == (found.std > 1.25)


@few
@given(SEEDS, st.floats(0, 1))
def test_what_the_noise_knows_of_the_clip_is_measured(seed: int, share: float) -> None:
    x0 = white(seed, 4, 4, 32, 32)
    noise = share * x0 + (1 - share**2) ** 0.5 * white(seed + 1, 4, 4, 32, 32)
    found = of_inversion(x0, x0 + SIGMA * noise, SIGMA)
    assert found.likeness == pytest.approx(share, abs=0.06)
    assert any("still shows the source" in line for line in found.warnings) == (found.likeness > 0.65)


def test_noise_that_stays_from_frame_to_frame_is_seen_to_and_colour_alone_is_no_likeness() -> None:
    still = white(0, 1, 4, 12, 16).expand(SHAPE)
    x0 = white(1) + 5
    assert of_inversion(x0, x0 + SIGMA * still, SIGMA).steadiness == pytest.approx(1)
    assert abs(of_inversion(x0, x0 + SIGMA * (white(2) + 5), SIGMA).likeness) < 0.15
    assert of_inversion(x0[:1], x0[:1], SIGMA).steadiness == 0


def test_at_low_noise_nothing_is_held_against_it() -> None:
    """There the exact trajectory's own noise is small and like the clip."""
    x0 = white(0)
    assert of_inversion(x0, x0 * 1.3, 0.5).warnings == ()
    assert of_inversion(x0, x0 * 1.3, SIGMA).warnings != ()


def test_in_an_exact_world_naive_inversion_is_told_of_and_noise_extrapolation_is_not() -> None:
    schedule = Schedule.karras(15, 0.75)
    sigma = schedule.sigmas[0]
    told = {"naive": 0, "slope": 0}
    for clip in (Clip.drawn(seed) for seed in range(3)):
        *_, plain = naive(clip.world.network, clip.latents, schedule)
        steps = invert(clip.world.network, clip.latents, schedule, direction=clip.chance, threshold=0.06, proxy="slope")
        *_, good = steps
        told["naive"] += bool(of_inversion(clip.latents, plain, sigma).warnings)
        told["slope"] += bool(of_inversion(clip.latents, good, sigma).warnings)
    assert told == {"naive": 3, "slope": 0}


def test_numbers_that_leave_their_range_while_denoising_stop_the_run_at_their_step(
    pan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Three passes invert, then two a step generate."""
    predicted = VideoshopPipeline._predicted

    def broken(self: VideoshopPipeline, x: torch.Tensor, *rest: Any) -> torch.Tensor:
        done = self.passes.network
        v = predicted(self, x, *rest)
        return v * torch.inf if done >= 5 else v

    monkeypatch.setattr(VideoshopPipeline, "_predicted", broken)
    with pytest.raises(WeightsError, match="step 2 of “generate”") as failed:
        made(request(pan, tmp_path), tmp_path / "cache")
    assert failed.value.code == "weights.not_finite"
    assert "weights verify" in failed.value.hint


def test_a_decoded_picture_without_numbers_is_refused() -> None:
    case = edited("recolour")
    pictures = numbered(case.edited)
    pictures[2][0, 5, 5] = torch.nan
    with pytest.raises(WeightsError, match="step 3 of “decode”"):
        of_pictures(pictures, numbered(case.frames), pictures[0], case.matte)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_the_truth_shows_no_sign_and_neither_does_what_a_vae_leaves_of_it(kind: Kind, seed: int) -> None:
    case = edited(kind, seed)
    assert of_pictures(case.edited, case.frames, case.painted, case.matte).warnings == ()
    grain = np.random.default_rng(seed).normal(0, 0.03, case.edited.shape).astype(np.float32)
    soft = np.array([cv2.GaussianBlur(picture, (0, 0), 1.5) for picture in case.edited + grain], np.float32)
    assert of_pictures(soft, case.frames, case.painted, case.matte).warnings == ()


@few
@given(st.tuples(*[st.floats(-0.1, 0.1)] * 3))
def test_a_shift_of_colour_is_measured_channel_by_channel(offset: tuple[float, float, float]) -> None:
    painted = np.random.default_rng(0).random((20, 30, 3), np.float32)
    found = colour_shift(painted + np.array(offset, np.float32), painted, np.ones((20, 30), np.float32))
    assert found is not None
    assert found.offset == pytest.approx([255 * value for value in offset], abs=0.02)
    assert bool(found.warnings) == (max(map(abs, found.offset)) > 4)


def test_a_shift_of_colour_at_the_edited_frame_is_told_with_its_channels() -> None:
    case = edited("recolour")
    shifted = case.edited + np.array([0.04, 0, -0.03], np.float32)
    (told,) = of_pictures(shifted, case.frames, case.painted, case.matte).warnings
    assert "red +10, green +0, blue -8" in told
    assert "guidance_first=2" in told


def test_colour_outside_the_edit_and_a_window_without_a_painted_frame_are_not_judged() -> None:
    case = edited("recolour")
    outside = case.edited + np.float32(0.05) * (case.matte[..., None] == 0)
    assert of_pictures(outside, case.frames, case.painted, case.matte).warnings == ()
    assert of_pictures(case.edited + 0.05, case.frames, None, case.matte).colour is None
    assert colour_shift(case.painted, case.painted, np.zeros_like(case.matte[0])) is None


def test_a_background_that_stands_still_where_the_sources_moves_is_told_with_its_frame() -> None:
    case = edited("insert", 2)
    still = behind(case, case.frames[:1])
    found = of_pictures(still, case.frames, case.painted, case.matte, range(100, 108))
    assert found.background is not None
    assert found.background.share == pytest.approx(1, abs=0.35)
    assert 100 <= found.background.worst < 107
    assert any("moves otherwise than the source" in line for line in found.warnings)


@pytest.mark.parametrize("size", [(64, 96), (576, 1024)])
def test_motion_is_in_pixels_of_the_pictures_that_are_given(size: tuple[int, int]) -> None:
    height, width = size
    speed = width / 64
    texture = cv2.resize(np.random.default_rng(1).random((12, 24, 3), np.float32), (2 * width, height))
    first, *rest = (cv2.warpAffine(texture, shift(-frame * speed), (width, height)) for frame in range(4))
    source = np.array([first] * 4, np.float32)
    moved = np.array([first, *rest], np.float32)
    found = of_pictures(moved, source, None, None).background
    assert found is not None
    assert found.astray == pytest.approx(speed, rel=0.25)
    assert found.own == pytest.approx(0, abs=0.05)
    assert found.share > 10
    assert found.warnings != ()


def test_where_there_is_nothing_to_see_nothing_can_go_astray() -> None:
    """Neither on an even ground with grain of its own, nor along stripes."""
    rng = np.random.default_rng(0)
    even = [np.full((6, 96, 128, 3), 0.5, np.float32) + rng.normal(0, 0.01, (6, 96, 128, 3)) for _ in range(2)]
    result, source = (clip.astype(np.float32) for clip in even)
    found = of_pictures(result, source, None, None)
    assert found.background is None
    assert found.warnings == ()
    stripes = np.tile(np.sin(np.arange(96) / 4)[None, :, None, None] * 0.3 + 0.5, (6, 1, 128, 3)).astype(np.float32)
    along = of_pictures(stripes, stripes + rng.normal(0, 0.01, stripes.shape).astype(np.float32), None, None)
    assert along.warnings == ()


def test_an_edit_that_moves_in_its_own_way_is_no_background() -> None:
    case = edited("insert", 1)
    assert of_pictures(case.edited, case.frames, case.painted, np.ones_like(case.matte)).background is None
    found = of_pictures(case.edited, case.frames, case.painted, case.matte).background
    assert found is not None
    assert found.astray < 0.05


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_that_flickers_is_told(kind: Kind) -> None:
    case = edited(kind, 1)
    light = 1 + (gains(8) - 1) * case.matte[..., None]
    found = of_pictures(case.edited * light, case.frames, None, case.matte)
    assert found.flicker is not None
    assert found.flicker.result > found.flicker.source + 1.5
    assert [line[:18] for line in found.warnings] == ["The edit flickers "]


@pytest.mark.parametrize("kind", KINDS)
def test_a_source_that_flickers_alike_excuses_the_edit(kind: Kind) -> None:
    case = edited(kind, 1)
    light = gains(8)
    found = of_pictures(case.edited * light, case.frames * light, None, case.matte)
    assert found.flicker is not None
    assert found.flicker.source > 1.5
    assert found.warnings == ()


@pytest.mark.parametrize("strength", [0.004, 0.02])
def test_flicker_is_measured_in_levels_as_the_deviation_of_what_has_no_memory(strength: float) -> None:
    """Light that goes up and down by one has second differences of 4, those of a deviation of one a median of 1.65."""
    still = np.repeat(edited("insert").frames[:1] * 0.8, 6, axis=0)
    light = strength * (-1) ** np.arange(6, dtype=np.float32)[:, None, None, None]
    found = of_pictures((still + light).astype(np.float32), still, None, None).flicker
    assert found is not None
    assert found.result == pytest.approx(255 * strength * 4 / 1.652, rel=0.1)
    assert found.source == 0


def test_too_few_frames_and_too_small_edits_have_no_motion_to_judge() -> None:
    case = edited("insert")
    one = of_pictures(case.edited[:1], case.frames[:1], case.painted, case.matte[:1])
    assert (one.background, one.flicker) == (None, None)
    assert of_pictures(case.edited[:2], case.frames[:2], case.painted, case.matte[:2]).flicker is None
    speck = np.zeros_like(case.matte)
    speck[:, 60 : 60 + int(LEAST**0.5) - 1, 60:67] = 1
    assert of_pictures(case.edited, case.frames, case.painted, speck).flicker is None


def test_a_models_tensors_and_arrays_are_judged_alike_and_large_ones_are_reduced() -> None:
    case = edited("recolour")

    def large(clip: Images) -> list[Image]:
        return [np.asarray(cv2.resize(picture, (2 * LONG, LONG)), np.float32) for picture in clip]

    result, source = large(case.edited), large(case.frames)
    mattes = [np.asarray(cv2.resize(matte, (2 * LONG, LONG)), np.float32) for matte in case.matte]
    arrays = of_pictures(result, source, result[0], mattes)
    tensors = of_pictures(
        numbered(np.array(result)), numbered(np.array(source)), numbered(np.array(result[:1]))[0], mattes
    )
    assert arrays == tensors
    assert arrays.warnings == ()


def test_every_setting_that_is_named_exists() -> None:
    text = (Path(__file__).parents[3] / "engine" / "videoshop" / "signs.py").read_text(encoding="utf-8")
    named = {part.split("=")[0].split("`")[0] for part in text.split("--set ")[1:]}
    assert named
    assert named <= set(VideoshopSettings.model_fields)
