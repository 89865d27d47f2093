from pathlib import Path
from typing import Any

import pytest
import torch

from engine.errors import Cancelled
from engine.request import VideoshopSettings
from engine.videoshop.pipeline import Micro, VideoshopPipeline
from engine.videoshop.stages import Noise, Videoshop

TINY = Path(__file__).parents[2] / "assets" / "tiny-a" / "model"
FRAMES = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def pipeline() -> VideoshopPipeline:
    untyped: Any = VideoshopPipeline
    loaded: VideoshopPipeline = untyped.from_pretrained(TINY, local_files_only=True)
    return loaded


def worked(pipeline: VideoshopPipeline, seed: int = 0, **options: Any) -> torch.Tensor:
    work = Videoshop(pipeline, VideoshopSettings(steps=6, strength=0.5, guidance_from=0), **options)
    noise = Noise.drawn(seed, 4, 64, 64, pipeline.latent_shape(64, 64))
    *_, inverted = work.invert(work.prepare(FRAMES, noise), noise)
    *_, generated = work.generate(inverted, FRAMES[:1].flip(-1), noise)
    return generated


def test_the_models_own_numbers_say_how_it_works(pipeline: VideoshopPipeline) -> None:
    assert (pipeline.frames, pipeline.factor, pipeline.multiple) == (14, 4, 8)
    assert pipeline.latent_shape(64, 96) == (4, 16, 24)
    assert pipeline.sigmas == (0.002, 700)


def test_the_same_seed_gives_the_same_result_and_another_does_not(pipeline: VideoshopPipeline) -> None:
    first = worked(pipeline)
    assert torch.equal(first, worked(pipeline))
    assert not torch.allclose(first, worked(pipeline, seed=1), atol=1e-3)


def test_guidance_in_one_batch_and_in_two_passes_agree(pipeline: VideoshopPipeline) -> None:
    torch.testing.assert_close(worked(pipeline, batched_guidance=True), worked(pipeline), rtol=1e-4, atol=1e-4)


def test_chunks_through_the_encoder_change_nothing(pipeline: VideoshopPipeline) -> None:
    torch.testing.assert_close(pipeline.encode(FRAMES, chunk=1), pipeline.encode(FRAMES, chunk=4), rtol=1e-4, atol=1e-5)


def test_passes_are_counted_in_batches_of_one(pipeline: VideoshopPipeline) -> None:
    worked(pipeline, batched_guidance=True)
    assert (pipeline.passes.network, pipeline.passes.vae_encoded) == (3 + 2 * 3, 4 + 1 + 1)


def test_nothing_is_kept_for_a_backward_pass(pipeline: VideoshopPipeline) -> None:
    assert pipeline.unet.conv_in.weight.requires_grad
    assert not worked(pipeline).requires_grad


def test_work_can_be_stopped_before_any_pass(pipeline: VideoshopPipeline) -> None:
    passes = []

    def stop() -> None:
        if pipeline.passes.network == 5:
            raise Cancelled.asked()
        passes.append(pipeline.passes.network)

    pipeline.between = stop
    with pytest.raises(Cancelled):
        worked(pipeline)
    assert pipeline.passes.network == 5


def test_a_vae_that_overflows_in_half_precision_runs_in_single(pipeline: VideoshopPipeline) -> None:
    seen: list[torch.dtype] = []
    pipeline.vae.to(torch.float16)
    pipeline.vae.register_to_config(force_upcast=True)
    encode = pipeline.vae.encode

    def watched(x: torch.Tensor) -> Any:
        seen.append(x.dtype)
        return encode(x)

    pipeline.vae.encode = watched
    pipeline.encode(FRAMES)
    assert seen == [torch.float32]
    assert pipeline.vae.dtype == torch.float16


def test_the_image_is_seen_with_its_noise(pipeline: VideoshopPipeline) -> None:
    """Noise is scaled on images in [-1, 1], as the model was trained."""
    noise = torch.randn(1, 3, 64, 64)
    told = pipeline.condition(FRAMES[:1], noise, Micro(noise_augmentation=0.5))
    by_hand = pipeline.encode(FRAMES[:1] + 0.25 * noise) / pipeline.vae.config.scaling_factor
    torch.testing.assert_close(told.latents, by_hand)
    assert told.absent.latents.abs().max() == told.absent.embedding.abs().max() == 0
