import pytest
import torch

from engine.videoshop.latents import AROUND, Normalisation, normalised, recoloured, rescaled

CLIP = torch.randn(5, 4, 6, 7, generator=torch.Generator().manual_seed(0)) * 3 + torch.arange(5.0)[:, None, None, None]


@pytest.mark.parametrize(("over", "axes"), [("reference", (1, 2, 3)), ("paper", (0, 2, 3)), ("clip", (0, 1, 2, 3))])
def test_what_is_normalised_has_mean_0_and_deviation_1(over: Normalisation, axes: tuple[int, ...]) -> None:
    found = normalised(CLIP, over)
    assert float(found.mean(axes).abs().max()) < 1e-5
    assert float((found.std(axes) - 1).abs().max()) < 1e-5


def test_the_released_code_takes_each_frames_brightness_and_the_clips_statistics_keep_it() -> None:
    assert float(normalised(CLIP, "reference").mean((1, 2, 3)).std()) < 1e-5
    assert float(normalised(CLIP, "clip").mean((1, 2, 3)).std()) > 0.2


def test_none_leaves_latents_as_they_are() -> None:
    assert normalised(CLIP, "none") is CLIP


def test_the_first_frame_takes_the_edited_images_colours() -> None:
    edited = torch.randn(1, 4, 6, 7, generator=torch.Generator().manual_seed(1)) * 0.2 + 1
    found = rescaled(CLIP, edited)
    torch.testing.assert_close(found[:1].mean((0, 2, 3)), edited.mean((0, 2, 3)), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found[:1].std((0, 2, 3)), edited.std((0, 2, 3)), rtol=1e-4, atol=1e-5)


def test_one_affine_serves_all_frames() -> None:
    edited = torch.randn(1, 4, 6, 7, generator=torch.Generator().manual_seed(1))
    moved, shifted = rescaled(CLIP, edited), rescaled(CLIP * 2 + 1, edited)
    torch.testing.assert_close(moved, shifted, rtol=1e-4, atol=1e-4)


def test_inside_a_share_only_that_share_takes_the_edited_images_colours() -> None:
    edited = torch.randn(1, 4, 6, 7, generator=torch.Generator().manual_seed(1)) * 0.2 + 1
    inside = torch.zeros(5, 1, 6, 7)
    inside[:, :, 2:5, 1:4] = 1
    found = rescaled(CLIP, edited, inside)
    assert torch.equal(found[:, :, :2], CLIP[:, :, :2])
    there = (slice(0, 1), slice(None), slice(2, 5), slice(1, 4))
    torch.testing.assert_close(found[there].mean((0, 2, 3)), edited[there].mean((0, 2, 3)), rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(
        found[there].std((0, 2, 3), correction=0), edited[there].std((0, 2, 3), correction=0), rtol=1e-3, atol=1e-4
    )


def test_latents_that_are_held_keep_their_detail_and_take_the_bases_colours() -> None:
    base = CLIP[..., :1].expand_as(CLIP)
    tiles = torch.tensor([1.0, -1, 0]).repeat(3)[:7]  # no mean over any patch
    found = recoloured(base + tiles + 5, base, torch.ones(5, 1, 6, 7))
    inner = (..., slice(1, -1), slice(1, -1))
    torch.testing.assert_close(found[inner], (base + tiles)[inner], rtol=0, atol=5 * 0.021)


def test_nothing_moves_where_nothing_is_held_in_reach() -> None:
    held = torch.zeros(5, 1, 6, 7)
    held[..., 0] = 1
    found = recoloured(CLIP, CLIP + 5, held)
    assert torch.equal(found[..., 1 + AROUND // 2 :], CLIP[..., 1 + AROUND // 2 :])
    assert (found[..., 0] - CLIP[..., 0]).min() > 4.5


def test_what_is_the_base_already_stays() -> None:
    held = torch.rand(5, 1, 6, 7, generator=torch.Generator().manual_seed(2))
    assert torch.equal(recoloured(CLIP, CLIP, held), CLIP)
