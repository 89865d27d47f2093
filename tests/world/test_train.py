import json
from itertools import islice, repeat
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from engine.request import VideoshopSettings
from engine.videoshop import weights
from engine.videoshop.pipeline import VideoshopPipeline
from engine.videoshop.schedule import c_in, c_out, c_skip
from engine.videoshop.stages import Noise, Videoshop
from tests.world.clips import batches, held_back
from tests.world.loop import Stage, write_checkpoint
from tests.world.model import MINIMAL, MOST_BYTES, Recipe, untrained
from tests.world.objectives import Batch, denoising
from tests.world.train import Order, train

STEPS = (3, 3)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    train(MINIMAL, Order(out, 1, seed=3, steps=STEPS))
    return out


def tensors(out: Path) -> dict[str, Tensor]:
    files = sorted((out / "model").glob("*/*.safetensors"))
    return {f"{file.parent.name}.{name}": value for file in files for name, value in load_file(file).items()}


def test_the_engine_loads_a_trained_model_and_inverts_a_clip_with_it(trained: Path) -> None:
    found = weights.inspect(trained / "model")
    assert (found.frames, found.variant, found.multiple) == (MINIMAL.frames, "fp16", 4)
    pipeline = weights.load(found, torch.float32)
    work = Videoshop(pipeline, VideoshopSettings(steps=2, strength=0.5))
    (clip,) = held_back(MINIMAL, 3, 1, 16)
    noise = Noise.drawn(0, len(clip), 16, 16, pipeline.latent_shape(16, 16))
    (inverted,) = work.invert(work.prepare(clip, noise), noise)
    assert inverted.shape == (MINIMAL.frames, 4, 8, 8)
    assert torch.isfinite(inverted).all()


def test_a_training_tells_how_it_came_about(trained: Path) -> None:
    told = json.loads((trained / "training.json").read_text())
    assert told["steps"] == {"vae": 3, "unet": 3}
    assert [len(told["losses"][name]) for name in ("vae", "unet")] == [3, 3]
    assert told["seed"] == 3
    assert told["fits"]
    config = json.loads((trained / "model/vae/config.json").read_text())
    assert config["scaling_factor"] == told["held_back"]["scaling_factor"]
    assert (trained / "seen.png").is_file()


class StoppedError(Exception):
    """As if the machine went down."""


def test_a_training_that_was_stopped_ends_as_if_it_had_not_been(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.world.loop.SAVED_EVERY", 0.0)
    writes = iter(range(5))  # all of the VAE's, with that at its end, and one of the network's

    def then_stop(path: Path, state: dict[str, Any]) -> None:
        write_checkpoint(path, state)
        if next(writes) == 4:
            raise StoppedError

    with monkeypatch.context() as patched:
        patched.setattr("tests.world.train.write_checkpoint", then_stop)
        with pytest.raises(StoppedError):
            train(MINIMAL, Order(tmp_path, 1, seed=3, steps=STEPS))
    train(MINIMAL, Order(tmp_path, 1, seed=3, steps=STEPS))
    expected = tensors(trained)
    assert all(torch.equal(value, expected[name]) for name, value in tensors(tmp_path).items())


def test_another_training_is_not_taken_up(trained: Path) -> None:
    with pytest.raises(SystemExit, match="holds another training"):
        train(MINIMAL, Order(trained, 1, seed=4, steps=STEPS))


def test_the_network_is_trained_to_what_the_engine_takes_its_output_for() -> None:
    """A network that gives the target back denoises to the clean latents, by the engine's own scales."""
    made = untrained(MINIMAL, 0)
    batch = next(batches(MINIMAL, 0, 1, 1, 0, 0, (2,)))
    asked: dict[str, Any] = {}

    class Oracle(torch.nn.Module):
        def forward(self, told: Tensor, level: Tensor, **_: Any) -> Any:
            asked["noisy"], asked["level"] = told[:, :, :4], level
            return type("Output", (), {"sample": asked.get("answer", torch.zeros_like(told[:, :, :4]))})

    latents = made.vae.encode(batch.clips.flatten(0, 1) * 2 - 1).latent_dist.mode().detach()
    x0 = (latents * made.vae.config.scaling_factor)[None]
    made.unet = Oracle()
    denoising(made, batch, torch.Generator().manual_seed(0))
    sigma = float(torch.exp(asked["level"] * 4))
    noisy = asked["noisy"] / c_in(sigma)
    asked["answer"] = (x0 - c_skip(sigma) * noisy) / c_out(sigma)
    assert float(denoising(made, batch, torch.Generator().manual_seed(0))) < 1e-8


def test_clips_are_the_same_whatever_step_a_training_is_taken_up_at() -> None:
    recipe = Recipe(frames=2, sides=(16, 32))
    whole = list(islice(batches(recipe, 1, 0, 4, 0, 0, (2, 2, 1)), 4))
    late = next(batches(recipe, 1, 0, 4, 3, 0, (2, 2, 1)))
    assert torch.equal(late.clips, whole[3].clips)
    assert [tuple(batch.clips.shape) for batch in whole[:3]] == [
        (4, 2, 3, 16, 16),
        (1, 2, 3, 32, 32),
        (8, 1, 3, 16, 16),
    ]


def test_the_steps_that_fit_are_told_from_the_first_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10**6))
    monkeypatch.setattr("tests.world.loop.time.monotonic", lambda: float(next(clock)))
    module = torch.nn.Linear(1, 1)
    stage = Stage("line", 0, {"line": module}, 0.1, 0, None, seconds_given=120.0)
    nothing = Batch(torch.zeros(1), torch.zeros(1), torch.zeros(1))

    def loss(batch: Batch, chance: torch.Generator) -> Tensor:
        squared: Tensor = module(torch.ones(1, 1)).square().sum()
        return squared

    stage.train(repeat(nothing), loss, torch.device("cpu"), lambda: None)
    assert stage.done == stage.steps
    assert 50 <= stage.done <= 70  # two readings of the clock a step
    assert stage.losses[-1] < stage.losses[0]


def test_the_model_that_is_worth_keeping_fits() -> None:
    made: VideoshopPipeline = untrained(Recipe(), 0)
    parameters = sum(p.numel() for part in (made.vae, made.unet, made.image_encoder) for p in part.parameters())
    assert parameters * 2 < MOST_BYTES * 0.98
