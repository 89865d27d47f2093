import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.geometry import Size
from engine.videoshop.fit import Fit, LatentView

AREA = 576 * 1024


@settings(deadline=None)
@given(st.integers(16, 5000), st.integers(16, 5000))
def test_the_model_sees_the_clips_aspect_at_the_area_that_it_knows(width: int, height: int) -> None:
    fit = Fit.of(Size(width, height), AREA, 64)
    assert fit.padded.width % 64 == fit.padded.height % 64 == 0
    assert 0 <= fit.padded.width - fit.scaled.width < 64
    assert 0 <= fit.padded.height - fit.scaled.height < 64
    if 0.1 < width / height < 10:
        assert abs(fit.scaled.width * fit.scaled.height / AREA - 1) < 0.01
        assert abs(fit.scaled.width / fit.scaled.height / (width / height) - 1) < 0.01


def test_the_size_that_the_model_was_trained_at_is_left_as_it_is() -> None:
    assert Fit.of(Size(1024, 576), AREA, 64) == Fit(Size(1024, 576), Size(1024, 576), Size(1024, 576))


def test_a_frame_of_the_models_size_comes_back_as_it_was() -> None:
    rgb = np.random.default_rng(0).random((64, 96, 3), np.float32)
    fit = Fit.of(Size(96, 64), 96 * 64, 32)
    image = fit.to_model(rgb)
    assert image.shape == (1, 3, 64, 96)
    np.testing.assert_allclose(fit.to_frame(image[0]), rgb, atol=1e-6)


def test_the_border_repeats_the_edge_and_is_cut_off_again() -> None:
    rgb = np.linspace(0, 1, 50, dtype=np.float32)[None, :, None].repeat(40, 0).repeat(3, 2)
    fit = Fit.of(Size(50, 40), 50 * 40, 32)
    image = fit.to_model(rgb)
    assert fit.padded == Size(64, 64)
    assert torch.equal(image[..., 50:], image[..., 49:50].expand(-1, -1, -1, 14))
    assert fit.to_frame(image[0]).shape == (40, 50, 3)


def test_a_view_shows_latents_in_the_colours_of_their_clip() -> None:
    frames = (
        torch.rand(3, 3, 16, 16, generator=torch.Generator().manual_seed(0))
        .repeat_interleave(4, 2)
        .repeat_interleave(4, 3)
    )
    small = frames[:, :, ::4, ::4]
    latents = torch.cat([small[:, :1] * 3 - small[:, 1:2], small[:, 1:2] + 0.5, small[:, 2:], small[:, :1]], dim=1)
    view = LatentView(latents, frames)
    np.testing.assert_allclose(view(latents[1]), small[1].permute(1, 2, 0).numpy(), atol=1e-3)
