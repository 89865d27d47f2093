"""What kind of edit each painted place is."""

import numpy as np
import pytest

from engine.flow.analyse import MOST, Part, parts
from engine.image import Image
from engine.motion.maps import grid
from engine.request import Transfer
from tests.engine.flow.scene import HEIGHT, WIDTH, ellipse, label, laid, panned, tinted

HERE = ellipse(150, 90, 50, 30)
NOTHING = np.zeros((HEIGHT, WIDTH), np.float32)


def _found(rgb: Image, mask: Image, source: Image | None = None, transfer: Transfer = "auto") -> list[Part]:
    source = panned(0) if source is None else source
    return parts(laid(source, rgb, mask), source, mask, transfer)


def test_a_tint_is_appearance() -> None:
    (part,) = _found(tinted(panned(0)), HERE)
    assert part.kind == "appearance"


def test_a_gamma_is_appearance() -> None:
    (part,) = _found(panned(0) ** np.float32(0.6), HERE)
    assert part.kind == "appearance"


def test_a_label_is_opaque() -> None:
    (part,) = _found(label(HERE), HERE)
    assert part.kind == "opaque"


def test_a_patch_of_one_colour_is_opaque() -> None:
    (part,) = _found(np.full_like(panned(0), 0.9), HERE)
    assert part.kind == "opaque"


def _with_thing() -> Image:
    """The picture with a striped thing in it, on the average as bright as the picture there."""
    thing, here = ellipse(150, 90, 22, 18), grid(WIDTH, HEIGHT)
    mean = panned(0)[thing > 0].mean(0)
    stripes = np.sign(np.sin(here[..., 0] / 2.5))[..., None] * np.array([0.25, 0.25, 0.1], np.float32)
    return laid(panned(0), np.clip(mean + stripes, 0, 1).astype(np.float32), thing)


def test_a_thing_that_was_painted_out_is_a_removal() -> None:
    mask = ellipse(150, 90, 27, 23)
    (part,) = _found(panned(0), mask, _with_thing())
    assert part.kind == "removal"


def test_an_even_dark_thing_that_was_painted_out_is_a_removal() -> None:
    dark = laid(panned(0), np.full(3, 0.02, np.float32), ellipse(150, 90, 22, 18))
    mask = ellipse(150, 90, 27, 23)
    (part,) = _found(laid(dark, panned(0), mask), mask, dark)
    assert part.kind == "removal"


@pytest.mark.parametrize("transfer", ["appearance", "opaque", "removal"])
def test_the_artist_may_say_what_it_is(transfer: Transfer) -> None:
    (part,) = _found(label(HERE), HERE, transfer=transfer)
    assert part.kind == transfer


def test_a_part_holds_its_mask_and_the_smallest_box_around_it() -> None:
    (part,) = _found(label(HERE), HERE)
    assert part.mask.shape == (part.box.height, part.box.width)
    assert np.array_equal(part.mask, HERE[part.box.slices])
    assert part.mask.sum() == HERE.sum()
    assert part.mask[0].any()
    assert part.mask[:, -1].any()


def test_two_places_far_apart_are_two_parts_the_larger_first() -> None:
    small, large = ellipse(60, 60, 14, 14), ellipse(220, 120, 50, 30)
    rgb = laid(tinted(panned(0)), label(small), small)
    found = _found(rgb, np.maximum(small, large))
    assert [part.kind for part in found] == ["appearance", "opaque"]
    assert sum(float(part.mask.sum()) for part in found) == pytest.approx(float(np.maximum(small, large).sum()))


def test_two_places_side_by_side_are_one_part() -> None:
    mask = np.maximum(ellipse(100, 90, 20, 20), ellipse(143, 90, 20, 20))
    assert len(_found(label(mask), mask)) == 1


def test_of_many_places_the_smallest_join_their_nearest_and_none_is_lost() -> None:
    places = [ellipse(25 + 38 * i, 30 + 45 * j, 6 + i / 4 + j, 6) for i in range(8) for j in range(4)]
    mask = np.maximum.reduce(places)
    found = _found(label(mask), mask)
    assert len(found) == MOST
    assert sum(float(part.mask.sum()) for part in found) == pytest.approx(float(mask.sum()), rel=1e-5)


def test_nothing_painted_is_no_part() -> None:
    assert _found(panned(0), NOTHING) == []


def test_a_mask_that_is_faint_everywhere_is_a_part_all_the_same() -> None:
    (part,) = _found(tinted(panned(0)), HERE * np.float32(0.3))
    assert part.mask.max() == pytest.approx(0.3)


@pytest.mark.parametrize("at", [(0, 0), (WIDTH - 1, HEIGHT - 1), (100, 0)])
def test_a_single_pixel_is_a_part(at: tuple[int, int]) -> None:
    mask = NOTHING.copy()
    mask[at[1], at[0]] = 1
    (part,) = _found(label(mask), mask)
    assert part.box == (*at, 1, 1)


def test_the_whole_frame_is_a_part() -> None:
    (part,) = _found(tinted(panned(0)), np.ones_like(NOTHING))
    assert part.box == (0, 0, WIDTH, HEIGHT)
    assert part.kind == "appearance"
