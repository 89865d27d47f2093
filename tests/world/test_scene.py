import numpy as np
import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from tests.world.edits import KINDS, MEAN_TOLERANCE, Case, Insert, Kind, Recolour, Reshape, applied, case, drawn_case
from tests.world.scene import GREY, Motion, Scene, body, drawn, frames, layers
from tests.world.shapes import PATTERNS, SHAPES, Pattern, Shape, coverage, distance, pattern

SEEDS = st.integers(0, 2**31)
SIZES = st.sampled_from([(32, 32), (64, 64), (96, 64), (40, 72)])
TIMES = [0.0, 1.0, 2.0, 3.0, 4.0]

few = settings(deadline=None, max_examples=15)


def scene(seed: int) -> Scene:
    return drawn(np.random.default_rng(seed))


def small_case(seed: int, kind: Kind, size: tuple[int, int]) -> Case:
    return drawn_case(seed, kind, len(TIMES), *size, keyframe=2)


@few
@given(SEEDS, SIZES)
def test_a_seed_gives_the_same_clip_again_and_another_seed_another_one(seed: int, size: tuple[int, int]) -> None:
    made = frames(scene(seed), TIMES, *size)
    np.testing.assert_array_equal(made, frames(scene(seed), TIMES, *size))
    assert not np.array_equal(made, frames(scene(seed + 1), TIMES, *size))


@few
@given(SEEDS, SIZES)
def test_every_frame_is_grey_on_average_and_within_range(seed: int, size: tuple[int, int]) -> None:
    made = frames(scene(seed), TIMES, *size)
    assert made.shape == (len(TIMES), size[1], size[0], 3)
    assert made.dtype == np.float32
    assert made.min() >= 0
    assert made.max() <= 1
    np.testing.assert_allclose(made.mean(axis=(1, 2), dtype=np.float64), GREY, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("kind", PATTERNS)
def test_a_body_that_is_wholly_seen_is_grey_on_average(shape: Shape, kind: Pattern) -> None:
    x, y = np.meshgrid(np.linspace(-1.1, 1.1, 240), np.linspace(-1.1, 1.1, 240))
    inside = coverage(distance(shape, x, y) * 100)
    assert abs((pattern(kind, x, y) * inside).sum() / inside.sum()) < 1e-9


@pytest.mark.parametrize("shape", SHAPES)
def test_a_shape_is_about_its_centroid_and_reaches_to_radius_one(shape: Shape) -> None:
    x, y = np.meshgrid(np.linspace(-1.1, 1.1, 441), np.linspace(-1.1, 1.1, 441))
    away = distance(shape, x, y)
    inside = coverage(away * 200)
    assert abs((x * inside).sum() / inside.sum()) < 0.005
    assert abs((y * inside).sum() / inside.sum()) < 0.005
    assert abs(np.hypot(x, y)[away <= 0].max() - 1) < 0.02


@few
@given(SEEDS, st.floats(0, 200), st.floats(1, 3), st.booleans())
def test_a_body_never_leaves_the_picture(seed: int, time: float, aspect: float, upright: bool) -> None:
    room = (1.0, aspect) if upright else (aspect, 1.0)
    pose = body(np.random.default_rng(seed)).motion.pose(time, room)
    for place, side in zip((pose.x, pose.y), room, strict=True):
        assert pose.radius - 1e-9 <= place <= side - pose.radius + 1e-9


def test_a_body_moves_straight_on_at_its_velocity() -> None:
    motion = Motion((0.3, 0.5), (0.05, -0.02), 1.0, 0.1, 0.2, 0.0, 0.0)
    poses = [motion.pose(time, (1.0, 1.0)) for time in (0.0, 1.0, 2.0, 4.0)]
    assert [round(pose.x, 6) for pose in poses] == [0.3, 0.35, 0.4, 0.5]
    assert [round(pose.y, 6) for pose in poses] == [0.5, 0.48, 0.46, 0.42]
    assert [round(pose.angle, 6) for pose in poses] == [1.0, 1.1, 1.2, 1.4]


@few
@given(SEEDS, SIZES)
def test_bodies_are_where_their_motion_says(seed: int, size: tuple[int, int]) -> None:
    width, height = size
    made, short = scene(seed), min(size)
    alphas = layers(made, TIMES, width, height).alphas
    x, y = np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5)
    for alpha, moving in zip(alphas, made.bodies, strict=True):
        for time, seen in zip(TIMES, alpha, strict=True):
            pose = moving.motion.pose(time, (width / short, height / short))
            assert abs((x * seen).sum() / seen.sum() - pose.x * short) < 0.3
            assert abs((y * seen).sum() / seen.sum() - pose.y * short) < 0.3


@few
@given(SEEDS, st.integers(-4, 4), st.integers(-4, 4))
def test_the_background_pans_as_it_says(seed: int, right: int, down: int) -> None:
    still = scene(seed)
    panned = Scene(still.waves, (right / 48, down / 48), ())
    before, after = layers(panned, [0.0, 1.0], 64, 48).background
    inner = (slice(8, 40), slice(8, 56))
    moved = np.roll(before, (down, right), (0, 1))
    np.testing.assert_allclose(after[inner], moved[inner], atol=1e-9)


@few
@given(SEEDS, st.sampled_from(KINDS), SIZES)
@example(449453, "reshape", (32, 32))  # a disc in place of a ring whose hole another disc fills: drawn again
def test_an_edits_truth_is_the_source_outside_its_matte(seed: int, kind: Kind, size: tuple[int, int]) -> None:
    made = small_case(seed, kind, size)
    for matte in (made.matte, made.whole, *made.bodies):
        assert matte.min() >= 0
        assert matte.max() <= 1
    assert np.all(made.matte <= made.whole)
    outside = made.matte == 0
    np.testing.assert_array_equal(made.edited[outside], made.frames[outside])
    assert np.abs(made.edited - made.frames)[2][made.matte[2] > 0.5].mean() >= 0.02
    np.testing.assert_array_equal(made.painted, made.edited[2])


@few
@given(SEEDS, st.sampled_from(KINDS), SIZES)
def test_an_edit_leaves_frames_all_but_grey_on_average(seed: int, kind: Kind, size: tuple[int, int]) -> None:
    made = small_case(seed, kind, size)
    assert np.abs(made.edited.mean(axis=(1, 2)) - GREY).max() <= MEAN_TOLERANCE + 1e-6
    assert made.edited.min() >= 0
    assert made.edited.max() <= 1


@few
@given(SEEDS, st.sampled_from(KINDS))
def test_a_case_is_the_same_again_and_on_the_grid_of_eight_bits_where_that_is_asked(seed: int, kind: Kind) -> None:
    made, again = (drawn_case(seed, kind, 3, 32, 32, rounded=True) for _ in range(2))
    np.testing.assert_array_equal(made.edited, again.edited)
    np.testing.assert_array_equal(made.matte, again.matte)
    for images in (made.frames, made.edited):
        np.testing.assert_allclose(images * 255, np.round(images * 255), atol=1e-4)


@few
@given(SEEDS)
def test_what_is_behind_the_other_bodies_is_out_of_sight(seed: int) -> None:
    made = scene(seed)
    assume(len(made.bodies) > 1)
    hidden = case(made, Recolour(0, (0.4, 0.0, 0.0)), TIMES, 48, 48)
    nearer = np.max(layers(made, TIMES, 48, 48).alphas[1:], axis=0)
    assert np.all(hidden.matte[nearer == 1] == 0)
    assert np.all(hidden.matte[nearer == 0] == hidden.whole[nearer == 0])


def test_edits_change_the_body_that_they_name() -> None:
    made = drawn(np.random.default_rng(5), bodies=2)
    new = body(np.random.default_rng(6))
    other: Shape = "ring" if made.bodies[1].shape != "ring" else "star"
    assert applied(Insert(1, new), made).bodies == (made.bodies[0], new, made.bodies[1])
    assert applied(Recolour(1, (0.1, 0.2, 0.3)), made).bodies[1].ink == (0.1, 0.2, 0.3)
    assert applied(Reshape(1, other), made).bodies[1].shape == other
    assert applied(Reshape(1, other), made).bodies[0] == made.bodies[0]
